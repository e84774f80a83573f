#include <string.h>

#include "persistence/raft/raft_library_internal.h"

static unsigned our_role(int role) { return role == RAFT_VOTER ? 1 : role == RAFT_STANDBY ? 2 : 3; }

const struct raft_library_update* raft_library_last(const struct raft_library* library) { return &library->last; }

void raft_library_message_at(const struct raft_library* library, unsigned i, struct raft_library_message* out) {
  const struct raft_message* const message = &library->update.messages.batch[i];
  memset(out, 0, sizeof *out);
  out->peer = message->server_id;
  switch (message->type) {
  case RAFT_APPEND_ENTRIES:
    out->kind = raft_library_append_entries;
    out->term = message->append_entries.term;
    out->prev_index = message->append_entries.prev_log_index;
    out->prev_term = message->append_entries.prev_log_term;
    out->leader_commit = message->append_entries.leader_commit;
    out->entry_count = message->append_entries.n_entries;
    break;
  case RAFT_APPEND_ENTRIES_RESULT:
    out->kind = raft_library_append_result;
    out->term = message->append_entries_result.term;
    out->rejected = message->append_entries_result.rejected;
    out->last_index = message->append_entries_result.last_log_index;
    break;
  case RAFT_REQUEST_VOTE:
    out->kind = raft_library_request_vote;
    out->term = message->request_vote.term;
    out->last_index = message->request_vote.last_log_index;
    out->last_term = message->request_vote.last_log_term;
    out->disrupt_leader = message->request_vote.disrupt_leader;
    out->pre_vote = message->request_vote.pre_vote;
    break;
  case RAFT_REQUEST_VOTE_RESULT:
    out->kind = raft_library_vote_result;
    out->term = message->request_vote_result.term;
    out->granted = message->request_vote_result.vote_granted;
    out->pre_vote = message->request_vote_result.pre_vote;
    break;
  case RAFT_INSTALL_SNAPSHOT:
    out->kind = raft_library_install_snapshot;
    out->term = message->install_snapshot.term;
    out->snapshot_index = message->install_snapshot.last_index;
    out->snapshot_term = message->install_snapshot.last_term;
    break;
  case RAFT_TIMEOUT_NOW:
    out->kind = raft_library_timeout_now;
    out->term = message->timeout_now.term;
    out->last_index = message->timeout_now.last_log_index;
    out->last_term = message->timeout_now.last_log_term;
    break;
  }
}

static bool is_sole_voter(const struct raft* r) {
  bool self = false;
  for (unsigned i = 0; i < r->configuration.n; ++i) {
    if (r->configuration.servers[i].role == RAFT_VOTER) {
      if (r->configuration.servers[i].id != r->id) {
        return false;
      }
      self = true;
    }
  }
  return self;
}

static bool lists(const struct raft_configuration* configuration, raft_id id) {
  for (unsigned i = 0; i < configuration->n; ++i) {
    if (configuration->servers[i].id == id) {
      return true;
    }
  }
  return false;
}

void raft_library_look(const struct raft_library* library, struct raft_library_view* out) {
  const struct raft* const r = &library->raft;
  memset(out, 0, sizeof *out);
  out->term = r->current_term;
  out->vote = r->voted_for;
  out->commit = r->commit_index;
  out->first_index = r->trail.offset + 1;
  out->last_index = raft_last_index((struct raft*)r);
  out->stored_index = r->last_stored;
  out->change_uncommitted = r->configuration_uncommitted_index;
  out->change_committed = r->configuration_committed_index;
  out->timeout = raft_timeout(r);
  out->timer_start = r->election_timer_start;
  out->sole_voter = is_sole_voter(r);
  out->member = lists(&r->configuration, r->id) || lists(&r->configuration_committed, r->id);
  switch (r->state) {
  case RAFT_LEADER:
    out->role = raft_library_leader;
    out->leader = r->id;
    out->promotee = r->leader_state.promotee_id;
    out->transferee = r->leader_state.transferee;
    break;
  case RAFT_CANDIDATE: out->role = raft_library_candidate; break;
  default:
    out->role = raft_library_follower;
    out->leader = r->follower_state.current_leader.id;
    break;
  }
}

unsigned raft_library_member_count(const struct raft_library* library) { return library->raft.configuration.n; }

struct raft_library_member raft_library_member_at(const struct raft_library* library, unsigned i) {
  const struct raft_server* const server = &library->raft.configuration.servers[i];
  const struct raft_library_member out = {server->id, our_role(server->role)};
  return out;
}

uint64_t raft_library_match_index(const struct raft_library* library, uint64_t who) {
  raft_index index = 0;
  return raft_match_index(&library->raft, who, &index) == 0 ? index : 0;
}

int raft_library_catch_up_status(const struct raft_library* library, uint64_t who) {
  int status = RAFT_CATCH_UP_NONE;
  return raft_catch_up(&library->raft, who, &status) == 0 ? status : RAFT_CATCH_UP_NONE;
}

void raft_library_forget_leader(struct raft_library* library) {
  struct raft* const r = &library->raft;
  if (r->state == RAFT_FOLLOWER) {
    raft_free(r->follower_state.current_leader.address);
    r->follower_state.current_leader.address = NULL; // without one the library sends no answer
    r->follower_state.current_leader.id = 0;
  }
}

bool raft_library_prepare_self_election(struct raft_library* library, uint64_t now) {
  struct raft* const r = &library->raft;
  // The conditions of the library's own timeout of a follower.
  if (r->state != RAFT_FOLLOWER || !is_sole_voter(r) || now < raft_timeout(r) || r->snapshot.installing ||
      r->last_stored < raft_last_index(r)) {
    return false;
  }
  r->current_term += 1;
  r->voted_for = r->id;
  return true;
}
