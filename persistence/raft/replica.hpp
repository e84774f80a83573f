#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/cluster_limits.hpp"
#include "config/limits.hpp"
#include "persistence/base/persistence_errc.hpp"
#include "persistence/log/log_store.hpp"
#include "persistence/raft/consensus.hpp"
#include "persistence/raft/proposal_queue.hpp"
#include "persistence/state/shard_state.hpp"

namespace godwit::persistence::raft {

/// A part of the log that a follower needs and memory does not hold.
struct log_read_request {
  node_id peer;
  index_t first = 0;
  std::uint32_t count = 0;
  std::size_t bytes_max = 0;
};

/// What a replica asks of whoever runs it: an actor, a test, the simulation. Called from inside the
/// replica's own calls; must not call back into it.
class replica_host {
public:
  virtual ~replica_host() = default;

  /// May lose, delay, double and reorder messages.
  virtual void send(shard_id shard, message what) = 0;

  /// Every accepted proposal and change ends here once. `index` is 0 where it never had one.
  virtual void proposal_done(shard_id shard, proposal_token token, proposal_outcome outcome, index_t index) = 0;

  /// Role, term, leader or readiness differ. Ask the replica what they are now.
  virtual void role_changed(shard_id shard) = 0;

  /// Read these entries from the log store, off the loop, and answer with replica::log_read_done.
  virtual void read_log(shard_id shard, const log_read_request& request) = 0;

  /// Fetch the shard's state from its leader, not older than `at_least`, into the state store; then
  /// call replica::snapshot_arrived. Keep trying, from whoever leads; a later call replaces this one.
  /// When whoever leads stands below `at_least` for several election timeouts, end this replica, let its
  /// writes finish, and make a new one of another incarnation from its disks, which still hold what they
  /// held before the install: the leader that offered the snapshot is gone, and the present one may need this voter's
  /// acknowledgements to learn that what it was offered is committed.
  virtual void fetch_snapshot(shard_id shard, node_id from, const snapshot_point& at_least) = 0;

  /// The replica cannot go on and takes no further part.
  virtual void replica_failed(shard_id shard, const storage_error& why) = 0;
};

struct replica_options {
  consensus_options consensus;
  /// Another number for each replica of the same shard that one process makes: completions of an
  /// earlier one's writes then mean nothing to a later one.
  std::uint32_t incarnation = 0;
  /// Log entries handed to the log store and not yet durable, at which gathering goes on instead of
  /// a further submit.
  std::uint32_t appends_in_flight_max = 2;
  std::uint32_t proposals_in_flight_max = limits::proposals_in_flight_max;
  std::size_t proposals_in_flight_bytes_max = limits::proposals_in_flight_bytes_max;
  std::size_t entry_bytes_max = limits::log_entry_bytes_max;
  std::size_t append_bytes_max = limits::append_bytes_max;
  std::uint32_t trailing_entries = limits::log_trailing_entries;
  std::size_t trailing_bytes = limits::log_trailing_bytes;
  std::uint32_t spared_ms = limits::log_spared_ms;
  std::uint32_t spared_entries = limits::log_spared_entries;
  std::size_t spared_bytes = limits::log_spared_bytes;
};

/// One replica of a shard: its consensus, the proposals that wait for it, its log and its state.
///
/// Proposals gather while others are being written and go into the log as one entry. A proposal is
/// answered when its entry is applied, never before. Owned by the shard's loop; nothing blocks, no
/// clock of its own: each call brings the time, which never goes back.
class replica {
public:
  /// `log`, `state` and `host` outlive the replica.
  replica(shard_id shard, const replica_options& options, log_store& log, shard_state& state, replica_host& host);

  /// First call. `recovered` is what log_store::recover gave with payloads from the state's point
  /// on. Errors: corrupt, when log and state do not belong together.
  storage_result<void> start(monotonic_ms now, recovered_log recovered);

  /// The first write of a new group, the same on each of its first members: term 1 and the
  /// configuration as entry 1. Goes to the log store before the first start.
  static log_write bootstrap(shard_id shard, const configuration& members);

  // --- the leader's work ---

  /// Adds a mutation (bytes of mutation_writer) to what the next entry will hold. `fence` is the
  /// term the caller's knowledge rests on; see ready_term. Errors: not_leader, not_ready,
  /// stale_term, transfer_pending, too_large, too_many.
  expected<void, raft_errc> propose(term_t fence, std::string_view mutation, proposal_token token);

  /// End of a round of the loop: what was gathered goes to the log, what is applied to the state
  /// store. True: something was handed to a store, kick both.
  bool round(monotonic_ms now);

  /// Makes `next` the configuration; one server's difference. Ends in proposal_done.
  expected<void, raft_errc> change_members(monotonic_ms now, configuration next, proposal_token token);
  expected<void, raft_errc> catch_up(monotonic_ms now, node_id who);
  /// Lets what is in flight finish, refusing new proposals, then hands leadership over; gives up
  /// after two election timeouts.
  expected<void, raft_errc> transfer(monotonic_ms now, node_id to);

  // --- what happens to it ---

  void receive(monotonic_ms now, message what);
  void log_written(monotonic_ms now, write_generation generation);
  void log_read_done(monotonic_ms now, const log_read_request& request, storage_result<std::vector<log_entry>> entries);
  void state_flushed(monotonic_ms now, const flush_completion& done);
  /// The state store holds a new generation of the shard, durably. Passed over when it is older than
  /// what was asked for, or nothing was: fetch again.
  void snapshot_arrived(monotonic_ms now, const flushed_state& state);
  /// Call when due() has come.
  void timer(monotonic_ms now);
  /// The next time timer() has work; 0 before start and after a failure.
  [[nodiscard]] monotonic_ms due() const;

  // --- what it is ---

  /// The term in which this replica leads and everything its log held at the election is applied;
  /// 0 otherwise. Actors load in it, propose with it and end with it.
  [[nodiscard]] term_t ready_term() const { return ready_term_; }
  [[nodiscard]] const consensus& core() const { return core_; }
  [[nodiscard]] bool installing() const { return install_.has_value(); }
  /// Leadership is being handed over, or the core still waits for a successor.
  [[nodiscard]] bool transferring() const { return handing_over(); }
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] const proposal_queue& proposals() const { return proposals_; }
  /// Messages that wait for a term or vote to become durable.
  [[nodiscard]] std::size_t messages_held() const { return held_.size(); }

private:
  struct write_in_flight {
    write_generation generation = 0;
    write_generation append = 0; ///< of the core's append in it, 0: none
    bool hard = false;
    std::size_t bytes = 0;
    monotonic_ms since = 0;
  };
  struct handover {
    node_id to;
    monotonic_ms give_up_at = 0;
    bool started = false; ///< the core was told; before, proposals run out
  };

  bool step(monotonic_ms now, event what);
  expected<void, raft_errc> try_step(monotonic_ms now, event what);
  void carry_out(monotonic_ms now, effects todo);
  void write(monotonic_ms now, effects& todo);
  void send(message what);
  void dispatch(message what);
  void apply_committed();
  void report(const std::vector<finished_proposal>& finished);
  void follow_role(bool changed);
  void submit_gathered(monotonic_ms now);
  void advance_handover(monotonic_ms now);
  void leave_hung_disk(monotonic_ms now);
  /// The core may still wait for a successor when the replica has given the handover up.
  [[nodiscard]] bool handing_over() const { return handover_ || core_.transferee() != no_node; }
  [[nodiscard]] bool overloaded() const;
  void trim_log(monotonic_ms now);
  [[nodiscard]] index_t entries_of(std::uint32_t entries_max, std::size_t bytes_max) const;
  [[nodiscard]] index_t spared_for_followers(monotonic_ms now, index_t below);
  void fail_corrupt();
  void fail_with(storage_error why);
  [[nodiscard]] std::uint32_t appends_in_flight() const;

  shard_id shard_;
  replica_options options_;
  log_store& log_;
  shard_state& state_;
  replica_host& host_;
  consensus core_;
  proposal_queue proposals_;

  std::deque<write_in_flight> writes_; ///< oldest first
  write_generation next_write_;
  std::size_t write_bytes_ = 0; ///< of writes_
  std::uint32_t hard_in_flight_ = 0;
  std::vector<message> held_;
  std::vector<node_id> reading_; ///< peers for which a log read is under way
  std::optional<snapshot_point> install_;
  std::optional<handover> handover_;
  index_t commit_ = 0;
  index_t applied_ = 0; ///< as the log counts; the state may already stand later
  index_t snapshot_index_ = 0;
  std::size_t log_bytes_ = 0;                           ///< payload bytes appended since the last trim, about
  std::vector<std::pair<node_id, monotonic_ms>> heard_; ///< of each follower, while leading
  term_t ready_term_ = 0;
  monotonic_ms timer_at_ = 0;
  std::vector<finished_proposal> finished_; ///< of the call under way; kept for its memory
  bool handed_to_store_ = false;
  bool flush_blocked_ = false; ///< the state is due but waits for the log
  bool failed_ = false;
};

} // namespace godwit::persistence::raft
