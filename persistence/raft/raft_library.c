#include "persistence/raft/raft_library.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "persistence/raft/raft_library_internal.h"

enum { address_size = 24 };

// A test that lets an append below the trim point through makes the library read behind the array.
#ifdef GODWIT_MUTANTS
enum { spare_entries = 256 };
#else
enum { spare_entries = 0 };
#endif

// --- translation ----------------------------------------------------------------------------------

// The library tells servers apart by address as well, so each gets one of its own.
static void write_address(uint64_t id, char* out) { snprintf(out, address_size, "%llu", (unsigned long long)id); }

static int library_role(unsigned role) {
  switch (role) {
  case 1: return RAFT_VOTER;
  case 2: return RAFT_STANDBY;
  default: return RAFT_SPARE;
  }
}

static int make_configuration(const struct raft_library_member* members, unsigned count,
                              struct raft_configuration* out) {
  raft_configuration_init(out);
  for (unsigned i = 0; i < count; ++i) {
    char address[address_size];
    write_address(members[i].id, address);
    const int rv = raft_configuration_add(out, members[i].id, address, library_role(members[i].role));
    if (rv != 0) {
      raft_configuration_close(out);
      return rv;
    }
  }
  return 0;
}

static int make_metadata(const struct raft_library_snapshot* snapshot, struct raft_snapshot_metadata* out) {
  out->index = snapshot->index;
  out->term = snapshot->term;
  out->configuration_index = snapshot->configuration_index;
  return make_configuration(snapshot->members, snapshot->member_count, &out->configuration);
}

static int entry_type(unsigned kind) { return kind == 1 ? RAFT_COMMAND : kind == 2 ? RAFT_BARRIER : RAFT_CHANGE; }

static int encode_change(const struct raft_library_entry* entry, struct raft_buffer* out) {
  struct raft_configuration configuration;
  int rv = make_configuration(entry->members, entry->member_count, &configuration);
  if (rv == 0) {
    rv = raft_configuration_encode(&configuration, out);
    raft_configuration_close(&configuration);
  }
  return rv;
}

/// Terms, types and, for changes, the configuration in the library's encoding; it never looks into
/// other payloads. All buffers lie in one batch, which `batch` gives. The array is raft_malloc'ed.
static struct raft_entry* make_entries(const struct raft_library_entry* entries, size_t count, void** batch) {
  struct raft_entry* const out = raft_calloc(count + spare_entries, sizeof *out);
  size_t bytes = 8; // never empty: the library takes a batch of null for a mistake
  size_t at = 0;
  char* base = NULL;
  if (out == NULL) {
    return NULL;
  }
  for (size_t i = 0; i < count; ++i) {
    out[i].term = entries[i].term;
    out[i].type = (enum raft_entry_type)entry_type(entries[i].kind);
    if (out[i].type == RAFT_CHANGE) {
      if (encode_change(&entries[i], &out[i].buf) != 0) {
        goto err;
      }
      bytes += out[i].buf.len;
    }
  }
  base = raft_malloc(bytes);
  if (base == NULL) {
    goto err;
  }
  for (size_t i = 0; i < count; ++i) {
    if (out[i].buf.base != NULL) {
      memcpy(base + at, out[i].buf.base, out[i].buf.len);
      raft_free(out[i].buf.base);
    }
    out[i].buf.base = base + at;
    out[i].batch = base;
    at += out[i].buf.len;
  }
  *batch = base;
  return out;
err:
  for (size_t i = 0; i < count; ++i) {
    raft_free(out[i].buf.base);
  }
  raft_free(out);
  return NULL;
}

static enum raft_library_result translate(int rv) {
  switch (rv) {
  case 0: return raft_library_ok;
  case RAFT_NOTLEADER: return raft_library_not_leader;
  case RAFT_CANTCHANGE: return raft_library_cannot_change;
  case RAFT_BADID:
  case RAFT_BADROLE:
  case RAFT_NOTFOUND: return raft_library_bad_member;
  default: return raft_library_failed;
  }
}

// --- life -----------------------------------------------------------------------------------------

static void emit_trace(struct raft_tracer* tracer, int type, const void* info) {
  const struct raft_library* const library = tracer->impl;
  if (type == RAFT_TRACER_DIAGNOSTIC) {
    library->trace(library->trace_arg, ((const struct raft_tracer_info*)info)->diagnostic.message);
  }
}

struct raft_library* raft_library_new(const struct raft_library_settings* settings) {
  struct raft_library* const library = calloc(1, sizeof *library);
  char address[address_size];
  if (library == NULL) {
    return NULL;
  }
  write_address(settings->self, address);
  struct raft* const r = &library->raft;
  if (raft_init(r, NULL, NULL, settings->self, address) != 0) {
    free(library);
    return NULL;
  }
  library->trace = settings->trace;
  library->trace_arg = settings->trace_arg;
  library->tracer.impl = library;
  library->tracer.version = 2;
  library->tracer.emit = emit_trace;
  // Its messages are formatted into a static buffer: with a tracer, one thread only.
  r->tracer = settings->trace != NULL ? &library->tracer : NULL;
  raft_seed(r, settings->seed);
  raft_set_election_timeout(r, settings->election_timeout_ms);
  raft_set_heartbeat_timeout(r, settings->heartbeat_ms);
  raft_set_install_snapshot_timeout(r, settings->install_timeout_ms);
  raft_set_max_catch_up_round_duration(r, settings->catch_up_round_ms);
  raft_set_max_inflight_entries(r, settings->inflight_entries_max);
  raft_set_pre_vote(r, true);
  return library;
}

void raft_library_free(struct raft_library* library) {
  if (library != NULL) {
    raft_close(&library->raft, NULL);
    free(library);
  }
}

// --- events ---------------------------------------------------------------------------------------

/// Runs one event and keeps what is to be done. Frees the batch of what is to be appended, which
/// is ours from here on; a batch that the library declined it has freed itself.
static int run(struct raft_library* library, uint64_t now, struct raft_event* event) {
  struct raft* const r = &library->raft;
  struct raft_update* const update = &library->update;
  event->time = now;
  event->capacity = USHRT_MAX;
  memset(update, 0, sizeof *update);
  memset(&library->last, 0, sizeof library->last);
  const int rv = raft_step(r, event, update);
  if (rv != 0) {
    return rv;
  }
  if (update->flags & (RAFT_UPDATE_ENTRIES)) {
    library->last.append_first = update->entries.index;
    library->last.append_count = update->entries.n;
    library->last.append_barrier = update->entries.batch == &r->barrier;
    raft_free(update->entries.batch[0].batch);
    r->barrier.batch = NULL;
    r->barrier.buf.base = NULL;
  }
  if (update->flags & (RAFT_UPDATE_SNAPSHOT)) {
    library->last.install = true;
    raft_configuration_close(&update->snapshot.metadata.configuration);
  }
  if (update->flags & (RAFT_UPDATE_MESSAGES)) {
    library->last.message_count = update->messages.n;
  }
  return 0;
}

enum raft_library_result raft_library_start(struct raft_library* library, uint64_t now, uint64_t term, uint64_t vote,
                                            const struct raft_library_snapshot* snapshot, uint64_t first_index,
                                            const struct raft_library_entry* entries, size_t entry_count) {
  struct raft_event event = {.type = RAFT_START};
  struct raft_snapshot_metadata metadata;
  struct raft_entry* made = NULL;
  void* batch = NULL;
  event.start.term = term;
  event.start.voted_for = vote;
  event.start.start_index = first_index;
  if (snapshot != NULL) {
    if (make_metadata(snapshot, &metadata) != 0) {
      return raft_library_failed;
    }
    event.start.metadata = &metadata;
  }
  if (entry_count > 0) {
    made = make_entries(entries, entry_count, &batch);
    if (made == NULL) {
      return raft_library_failed;
    }
    event.start.entries = made;
    event.start.n_entries = (unsigned)entry_count;
  }
  const int rv = run(library, now, &event);
  if (rv != 0) {
    return raft_library_failed; // the library has freed array and batch
  }
  raft_free(batch);
  raft_free(made);
  return raft_library_ok;
}

static enum raft_library_result receive_append(struct raft_library* library, uint64_t now,
                                               const struct raft_library_message* in, struct raft_message* message) {
  struct raft_event event = {.type = RAFT_RECEIVE};
  struct raft_entry* made = NULL;
  void* batch = NULL;
  if (in->entry_count > 0) {
    made = make_entries(in->entries, in->entry_count, &batch);
    if (made == NULL) {
      return raft_library_failed;
    }
  }
  message->type = RAFT_APPEND_ENTRIES;
  message->append_entries.term = in->term;
  message->append_entries.prev_log_index = in->prev_index;
  message->append_entries.prev_log_term = in->prev_term;
  message->append_entries.leader_commit = in->leader_commit;
  message->append_entries.entries = made;
  message->append_entries.n_entries = in->entry_count;
  event.receive.message = message;
  const int rv = run(library, now, &event); // the batch is gone in every case
  raft_free(made);
  return translate(rv);
}

static enum raft_library_result receive_snapshot(struct raft_library* library, uint64_t now,
                                                 const struct raft_library_message* in, struct raft_message* message) {
  struct raft_event event = {.type = RAFT_RECEIVE};
  struct raft_snapshot_metadata metadata;
  if (make_metadata(in->snapshot, &metadata) != 0) {
    return raft_library_failed;
  }
  // The one case in which nobody takes the configuration.
  const bool ignored = library->raft.snapshot.installing && in->term >= library->raft.current_term;
  message->type = RAFT_INSTALL_SNAPSHOT;
  message->install_snapshot.term = in->term;
  message->install_snapshot.last_index = metadata.index;
  message->install_snapshot.last_term = metadata.term;
  message->install_snapshot.conf = metadata.configuration;
  message->install_snapshot.conf_index = metadata.configuration_index;
  message->install_snapshot.data.base = NULL; // the rows travel another way
  message->install_snapshot.data.len = 0;
  event.receive.message = message;
  const int rv = run(library, now, &event);
  if (ignored) {
    raft_configuration_close(&metadata.configuration);
  }
  return translate(rv);
}

static bool votes(const struct raft_configuration* configuration, raft_id id) {
  for (unsigned i = 0; i < configuration->n; ++i) {
    if (configuration->servers[i].id == id) {
      return configuration->servers[i].role == RAFT_VOTER;
    }
  }
  return false;
}

/// The library asks its configuration for one thing here: whether this server is a voter in it.
static enum raft_library_result receive_request_vote(struct raft_library* library, uint64_t now, bool as_voter,
                                                     bool while_installing, struct raft_message* message) {
  struct raft* const r = &library->raft;
  const bool installing = r->snapshot.installing;
  struct raft_event event = {.type = RAFT_RECEIVE};
  const struct raft_configuration configuration = r->configuration;
  struct raft_server self = {r->id, r->address, RAFT_VOTER};
  event.receive.message = message;
  if (as_voter && !votes(&configuration, r->id)) {
    r->configuration.servers = &self;
    r->configuration.n = 1;
  }
  if (while_installing) {
    r->snapshot.installing = false; // recv_request_vote.c:90 denies; the trail already ends at the snapshot
  }
  const int rv = run(library, now, &event);
  r->configuration = configuration;
  r->snapshot.installing = installing;
  return translate(rv);
}

enum raft_library_result raft_library_receive(struct raft_library* library, uint64_t now,
                                              const struct raft_library_message* in) {
  struct raft_event event = {.type = RAFT_RECEIVE};
  struct raft_message message;
  char address[address_size];
  memset(&message, 0, sizeof message);
  write_address(in->peer, address);
  message.server_id = in->peer;
  message.server_address = address;
  switch (in->kind) {
  case raft_library_append_entries: return receive_append(library, now, in, &message);
  case raft_library_install_snapshot: return receive_snapshot(library, now, in, &message);
  case raft_library_append_result:
    message.type = RAFT_APPEND_ENTRIES_RESULT;
    message.append_entries_result.version = 2;
    message.append_entries_result.term = in->term;
    message.append_entries_result.rejected = in->rejected;
    message.append_entries_result.last_log_index = in->last_index;
    break;
  case raft_library_request_vote:
    message.type = RAFT_REQUEST_VOTE;
    message.request_vote.version = 2;
    message.request_vote.term = in->term;
    message.request_vote.candidate_id = in->peer;
    message.request_vote.last_log_index = in->last_index;
    message.request_vote.last_log_term = in->last_term;
    message.request_vote.disrupt_leader = in->disrupt_leader;
    message.request_vote.pre_vote = in->pre_vote;
    return receive_request_vote(library, now, in->as_voter, in->while_installing, &message);
  case raft_library_vote_result:
    message.type = RAFT_REQUEST_VOTE_RESULT;
    message.request_vote_result.version = 2;
    message.request_vote_result.term = in->term;
    message.request_vote_result.vote_granted = in->granted;
    message.request_vote_result.pre_vote = in->pre_vote;
    break;
  case raft_library_timeout_now:
    message.type = RAFT_TIMEOUT_NOW;
    message.timeout_now.term = in->term;
    message.timeout_now.last_log_index = in->last_index;
    message.timeout_now.last_log_term = in->last_term;
    break;
  }
  event.receive.message = &message;
  return translate(run(library, now, &event));
}

enum raft_library_result raft_library_entries_persisted(struct raft_library* library, uint64_t now, uint64_t index) {
  struct raft_event event = {.type = RAFT_PERSISTED_ENTRIES};
  event.persisted_entries.index = index;
  return translate(run(library, now, &event));
}

enum raft_library_result raft_library_snapshot_persisted(struct raft_library* library, uint64_t now,
                                                         const struct raft_library_snapshot* snapshot) {
  struct raft_event event = {.type = RAFT_PERSISTED_SNAPSHOT};
  if (make_metadata(snapshot, &event.persisted_snapshot.metadata) != 0) {
    return raft_library_failed;
  }
  event.persisted_snapshot.last = true;
  return translate(run(library, now, &event));
}

enum raft_library_result raft_library_change_committed(struct raft_library* library, uint64_t now, uint64_t index,
                                                       const struct raft_library_member* members,
                                                       unsigned member_count) {
  struct raft_event event = {.type = RAFT_CONFIGURATION};
  event.configuration.index = index;
  if (make_configuration(members, member_count, &event.configuration.conf) != 0) {
    return raft_library_failed;
  }
  return translate(run(library, now, &event));
}

enum raft_library_result raft_library_snapshot_taken(struct raft_library* library, uint64_t now,
                                                     const struct raft_library_snapshot* snapshot, unsigned trailing) {
  struct raft_event event = {.type = RAFT_SNAPSHOT};
  if (make_metadata(snapshot, &event.snapshot.metadata) != 0) {
    return raft_library_failed;
  }
  event.snapshot.trailing = trailing;
  return translate(run(library, now, &event));
}

enum raft_library_result raft_library_timeout(struct raft_library* library, uint64_t now) {
  struct raft_event event = {.type = RAFT_TIMEOUT};
  return translate(run(library, now, &event));
}

enum raft_library_result raft_library_submit(struct raft_library* library, uint64_t now,
                                             const struct raft_library_entry* entries, unsigned entry_count) {
  struct raft_event event = {.type = RAFT_SUBMIT};
  void* batch = NULL;
  struct raft_entry* const made = make_entries(entries, entry_count, &batch);
  if (made == NULL) {
    return raft_library_failed;
  }
  event.submit.entries = made;
  event.submit.n = entry_count;
  const int rv = run(library, now, &event);
  if (rv != 0) {
    raft_free(batch); // a refused batch stays ours
  }
  raft_free(made);
  return translate(rv);
}

enum raft_library_result raft_library_catch_up(struct raft_library* library, uint64_t now, uint64_t who) {
  struct raft_event event = {.type = RAFT_CATCH_UP};
  event.catch_up.server_id = who;
  return translate(run(library, now, &event));
}

enum raft_library_result raft_library_transfer(struct raft_library* library, uint64_t now, uint64_t to) {
  struct raft_event event = {.type = RAFT_TRANSFER};
  event.transfer.server_id = to;
  return translate(run(library, now, &event));
}
