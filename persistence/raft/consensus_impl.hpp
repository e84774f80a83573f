#pragma once

#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "persistence/raft/consensus.hpp"
#include "persistence/raft/lease.hpp"
#include "persistence/raft/log_cache.hpp"
#include "persistence/raft/raft_library.h"
#include "persistence/raft/snapshot_offers.hpp"
#include "persistence/raft/write_ledger.hpp"

namespace godwit::persistence::raft {

/// The adapter over the library. Every event goes into it as one or several events of the
/// library's own; settle() turns what each of those asks for into effects. The numbers of rules are
/// those of README.md.
class consensus::impl {
public:
  explicit impl(const consensus_options& options);

  expected<effects, raft_errc> step(monotonic_ms now, event what);

  [[nodiscard]] role current_role() const;
  [[nodiscard]] const raft_library_view& view() const { return view_; }
  [[nodiscard]] const log_cache& log() const { return log_; }
  [[nodiscard]] term_t term_of(index_t index) const;
  [[nodiscard]] index_t commit() const { return commit_; }
  [[nodiscard]] const configuration& members() const { return members_; }
  [[nodiscard]] bool change_pending() const;
  [[nodiscard]] catch_up_status catch_up(node_id who) const;
  [[nodiscard]] index_t match_index(node_id who) const;
  [[nodiscard]] monotonic_ms lease_until() const;
  void evictable(index_t applied);

private:
  using outcome = expected<void, raft_errc>;
  struct library_free {
    void operator()(raft_library* library) const { raft_library_free(library); }
  };

  // consensus.cpp: events that need no rule of their own, and what follows every event
  outcome on(started& what);
  outcome on(append_persisted& what);
  outcome on(snapshot_installed& what);
  outcome on(snapshot_taken& what);
  outcome on(timer_expired& what);
  outcome on(submitted& what);
  outcome on(barrier_submitted& what);
  outcome submit(std::vector<log_entry> entries);
  outcome settle(raft_library_result result, std::span<const log_entry> offered = {});
  outcome take_entries(const raft_library_update& update, std::span<const log_entry> offered);
  outcome confirm_change();
  outcome make_barrier();
  void look();
  void finish();
  [[nodiscard]] monotonic_ms next_timer() const;

  // inbound.cpp
  outcome on(received& what);
  outcome receive(message& from, append_entries& what);
  outcome receive(message& from, append_result& what);
  outcome receive(message& from, request_vote& what);
  outcome receive(message& from, vote_result& what);
  outcome receive(message& from, install_snapshot& what);
  outcome receive(message& from, timeout_now& what);
  void strip_trimmed(append_entries& what) const;
  outcome deliver_split(const message& from, const append_entries& what);
  void note_answer(node_id from);
  outcome recall_answers();
  outcome commit_first(const message& from, const append_entries& what, std::size_t change);
  outcome confirm_older_change(const message& from, const append_entries& what, std::size_t change);
  outcome deliver(const message& from, const append_entries& what, std::size_t begin, std::size_t end);
  void begin_install(const snapshot_point& point, node_id from);

  // outbound.cpp
  void send(const raft_library_message& what);
  [[nodiscard]] append_entries fill(const raft_library_message& what) const;

  // membership.cpp
  outcome on(change_submitted& what);
  outcome on(catch_up_started& what);
  outcome on(transfer_started& what);
  outcome confirm_change_at(index_t index);
  [[nodiscard]] bool may_change(node_id removed) const;

  consensus_options options_;
  std::unique_ptr<raft_library, library_free> library_;
  raft_library_view view_{}; ///< after the last event of the library
  monotonic_ms now_ = 0;
  effects out_; ///< of the step under way

  log_cache log_;
  write_ledger writes_;
  write_generation next_generation_ = 1;
  index_t dirty_ = 0; ///< first index written in the step under way, 0: none
  hard_state hard_;   ///< last handed out
  index_t commit_ = 0;
  configuration members_;
  snapshot_point snapshot_; ///< the one the library knows; index 0: none
  std::optional<snapshot_point> installing_;
  index_t applied_ = 0;

  bool stale_ = false;                        ///< what is being received is of an older term
  const install_snapshot* offered_ = nullptr; ///< what is being received
  node_id offered_by_;
  bool rejected_ = false;         ///< the last delivery was answered with a rejection
  monotonic_ms silent_until_ = 0; ///< a restarted voter does not vote before
  term_t timeout_now_term_ = 0;   ///< of the last timeout_now
  append_echo echo_;

  term_t leader_term_ = 0; ///< the last term in which this node led
  bool barrier_due_ = false;
  leader_lease lease_;
  snapshot_offers offers_;
  std::vector<std::pair<node_id, monotonic_ms>> sent_at_;     ///< last append or snapshot to each follower
  std::vector<std::pair<node_id, monotonic_ms>> answered_at_; ///< last answer of each follower, of this term
};

/// The library's form of a configuration.
std::vector<raft_library_member> to_library(const configuration& members);

/// A snapshot in the library's form, which points into itself.
class library_snapshot {
public:
  explicit library_snapshot(const snapshot_point& point);
  library_snapshot(const library_snapshot&) = delete;
  library_snapshot& operator=(const library_snapshot&) = delete;

  [[nodiscard]] const raft_library_snapshot* get() const { return &snapshot_; }

private:
  std::vector<raft_library_member> members_;
  raft_library_snapshot snapshot_;
};

/// Entries in the library's form: terms, kinds, and the members of changes. Empty when a change
/// does not decode.
class library_entries {
public:
  static std::optional<library_entries> from(std::span<const log_entry> entries);

  [[nodiscard]] const raft_library_entry* data() const { return entries_.data(); }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

private:
  std::vector<raft_library_entry> entries_;
  std::vector<std::vector<raft_library_member>> members_;
};

} // namespace godwit::persistence::raft
