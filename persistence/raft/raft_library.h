/// The consensus library in plain C, for only raft_library.c and raft_library_view.c see its header,
/// which is not C++. Nothing here decides anything; the rules are in the files around it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct raft_library;

struct raft_library_settings {
  uint64_t self;
  unsigned election_timeout_ms;
  unsigned heartbeat_ms;
  unsigned install_timeout_ms;
  unsigned catch_up_round_ms;
  unsigned inflight_entries_max;
  unsigned seed;
  /// Hears what the library does, in words; may be null.
  void (*trace)(void* arg, const char* text);
  void* trace_arg;
};

/// `role` has the numbers of persistence::member_role.
struct raft_library_member {
  uint64_t id;
  unsigned role;
};

/// `kind` has the numbers of persistence::entry_kind. `members` only for a change; it is read during
/// the call and stays the caller's, as everything handed over here does.
struct raft_library_entry {
  uint64_t term;
  unsigned kind;
  const struct raft_library_member* members;
  unsigned member_count;
};

struct raft_library_snapshot {
  uint64_t index;
  uint64_t term;
  uint64_t configuration_index;
  const struct raft_library_member* members;
  unsigned member_count;
};

enum raft_library_message_kind {
  raft_library_append_entries,
  raft_library_append_result,
  raft_library_request_vote,
  raft_library_vote_result,
  raft_library_install_snapshot,
  raft_library_timeout_now
};

/// One message, in either direction. Which fields count depends on `kind`.
struct raft_library_message {
  enum raft_library_message_kind kind;
  uint64_t peer; ///< the other side: sender of what is received, receiver of what is sent
  uint64_t term;
  uint64_t prev_index, prev_term, leader_commit; ///< append_entries
  const struct raft_library_entry* entries;      ///< append_entries received
  unsigned entry_count;                          ///< append_entries
  uint64_t rejected;                             ///< append_result
  uint64_t last_index, last_term;                ///< append_result, request_vote, timeout_now
  bool granted, pre_vote, disrupt_leader;        ///< request_vote, vote_result
  bool as_voter;         ///< request_vote received: answer like a voter, whatever the own configuration says
  bool while_installing; ///< request_vote: may be granted while a snapshot is being installed
  const struct raft_library_snapshot* snapshot; ///< install_snapshot received
  uint64_t snapshot_index, snapshot_term;       ///< install_snapshot sent
};

enum raft_library_role { raft_library_follower, raft_library_candidate, raft_library_leader };

/// What the library believes now.
struct raft_library_view {
  enum raft_library_role role;
  uint64_t term;
  uint64_t vote;
  uint64_t leader; ///< 0: unknown
  uint64_t commit;
  uint64_t first_index;
  uint64_t last_index;
  uint64_t stored_index;
  uint64_t change_uncommitted; ///< index of the change that is not known to be committed, or 0
  uint64_t change_committed;
  uint64_t promotee;
  uint64_t transferee;
  uint64_t timeout;     ///< when the library wants its timeout; may lie in the past
  uint64_t timer_start; ///< of the election timer, which on a leader counts to its step-down
  bool sole_voter;      ///< this node, and nobody else, is a voter of the latest configuration
  bool member;          ///< this node is in the latest configuration or in the last committed one
};

/// What one call asks for, beside what the view shows.
struct raft_library_update {
  uint64_t append_first; ///< 0: nothing to append
  unsigned append_count; ///< the last so many of the entries handed in, or one barrier
  bool append_barrier;   ///< the entry is the library's own barrier
  bool install;          ///< the snapshot of the message just received is to be installed
  unsigned message_count;
};

enum raft_library_result {
  raft_library_ok = 0,
  raft_library_not_leader,
  raft_library_cannot_change,
  raft_library_bad_member,
  raft_library_failed ///< anything else: the log contradicts what was committed, or no memory
};

/// Null when there is no memory.
struct raft_library* raft_library_new(const struct raft_library_settings* settings);
void raft_library_free(struct raft_library* library);

// The events. `now` in milliseconds, never going back. After each call that returns ok,
// raft_library_last tells what is to be done; after an error nothing is.

/// `snapshot` may be null.
enum raft_library_result raft_library_start(struct raft_library* library, uint64_t now, uint64_t term, uint64_t vote,
                                            const struct raft_library_snapshot* snapshot, uint64_t first_index,
                                            const struct raft_library_entry* entries, size_t entry_count);
enum raft_library_result raft_library_receive(struct raft_library* library, uint64_t now,
                                              const struct raft_library_message* message);
enum raft_library_result raft_library_entries_persisted(struct raft_library* library, uint64_t now, uint64_t index);
enum raft_library_result raft_library_snapshot_persisted(struct raft_library* library, uint64_t now,
                                                         const struct raft_library_snapshot* snapshot);
enum raft_library_result raft_library_change_committed(struct raft_library* library, uint64_t now, uint64_t index,
                                                       const struct raft_library_member* members,
                                                       unsigned member_count);
enum raft_library_result raft_library_snapshot_taken(struct raft_library* library, uint64_t now,
                                                     const struct raft_library_snapshot* snapshot, unsigned trailing);
enum raft_library_result raft_library_timeout(struct raft_library* library, uint64_t now);
enum raft_library_result raft_library_submit(struct raft_library* library, uint64_t now,
                                             const struct raft_library_entry* entries, unsigned entry_count);
/// Only on a leader, for a member that is no voter, and with no other catch-up under way.
enum raft_library_result raft_library_catch_up(struct raft_library* library, uint64_t now, uint64_t who);
enum raft_library_result raft_library_transfer(struct raft_library* library, uint64_t now, uint64_t to);

/// Of the last event.
const struct raft_library_update* raft_library_last(const struct raft_library* library);
/// The i'th message of the last event.
void raft_library_message_at(const struct raft_library* library, unsigned i, struct raft_library_message* out);

void raft_library_look(const struct raft_library* library, struct raft_library_view* out);
/// Of the latest configuration, committed or not.
unsigned raft_library_member_count(const struct raft_library* library);
struct raft_library_member raft_library_member_at(const struct raft_library* library, unsigned i);
/// Leader only; 0 when unknown.
uint64_t raft_library_match_index(const struct raft_library* library, uint64_t who);
/// 0 none, 1 running, 2 aborted, 3 finished.
int raft_library_catch_up_status(const struct raft_library* library, uint64_t who);

/// Of a follower: no leader is known from now on.
void raft_library_forget_leader(struct raft_library* library);

/// Before the sole voter makes itself leader: begins a new term with its own vote. The library
/// would lead in the old one, in which it may have led, or voted for somebody else, before.
/// True: the next timeout event makes it leader.
bool raft_library_prepare_self_election(struct raft_library* library, uint64_t now);

#ifdef __cplusplus
}
#endif
