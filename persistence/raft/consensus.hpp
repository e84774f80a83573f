#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "config/limits.hpp"
#include "persistence/base/types.hpp"
#include "persistence/log/log_entry.hpp"
#include "persistence/raft/message.hpp"
#include "persistence/raft/raft_errc.hpp"
#include "protocol/expected.hpp"

namespace godwit::persistence::raft {

enum class role : std::uint8_t { follower, candidate, leader };

struct consensus_options {
  node_id self;
  /// Silence after which a follower asks for votes; drawn anew between 1x and 2x each time.
  std::uint32_t election_timeout_ms = 1000;
  std::uint32_t heartbeat_ms = 100;
  /// A snapshot whose receiver has not answered for so long is offered again.
  std::uint32_t install_timeout_ms = 60'000;
  std::uint32_t catch_up_round_ms = 10'000;
  /// Entries sent to one follower and not yet acknowledged.
  std::uint32_t inflight_entries_max = 1024;
  /// Bytes of entry payload kept in memory for followers, beside what is not applied or not stored.
  std::size_t cache_bytes_max = limits::log_cache_bytes_max;
  /// How far two nodes' clocks may drift apart within one election timeout; leases end earlier by it.
  std::uint32_t clock_drift_ms = 10;
  std::uint32_t seed = 1; ///< of the randomised timeouts
  /// Hears in words what is decided, for traces of simulations. One thread of the process only.
  void (*trace)(void* arg, const char* text) = nullptr;
  void* trace_arg = nullptr;
};

// --- events ---------------------------------------------------------------------------------------

/// First event, once: what the disks hold. `entries` begin at `first_index` (the index after the
/// trimmed part); those at or below `snapshot->index` may come without payload unless they are
/// changes. A log that does not match the snapshot is dropped (see effects::log_reset).
struct started {
  hard_state hard;
  std::optional<snapshot_point> snapshot;
  index_t first_index = 1;
  std::vector<log_entry> entries;
};

struct received {
  message what;
};

/// The write of effects::append with this generation is durable. Writes complete in order.
struct append_persisted {
  write_generation generation = 0;
};

/// The rows that effects::install asked for are complete and durable, and the log was reset: it is
/// empty and begins right behind the point of effects::install, wherever the rows stand.
struct snapshot_installed {};

/// The state store holds everything up to `index` durably: the log may lose its oldest entries.
/// At least `trailing` entries before `index` stay for followers that are behind.
struct snapshot_taken {
  snapshot_point point;
  std::uint32_t trailing = 0;
};

struct timer_expired {};

/// Leader only: append a command (payload: a batch of mutations) in the current term.
struct submitted {
  slice batch;
};

/// Leader only: append a barrier.
struct barrier_submitted {};

/// Leader only: make `next` the configuration. It differs from the current one in one server: added
/// at the end, removed, or given another role. bad_member for anything else, and for a leader that
/// would remove or demote itself: it hands leadership over first. A voter that lags holds up every
/// change but its own removal.
struct change_submitted {
  configuration next;
};

/// Leader only: bring a standby or spare up to the leader's log before it is made a voter.
struct catch_up_started {
  node_id who;
};

/// Leader only: hand leadership to `to`; no_node lets the core choose.
struct transfer_started {
  node_id to = no_node;
};

using event = std::variant<started, received, append_persisted, snapshot_installed, snapshot_taken, timer_expired,
                           submitted, barrier_submitted, change_submitted, catch_up_started, transfer_started>;

// --- effects --------------------------------------------------------------------------------------

/// Entries to store. What the log holds at `first` and behind is replaced.
struct log_append {
  write_generation generation = 0;
  index_t first = 0;
  std::vector<log_entry> entries;
};

/// What the caller does after a step, in this order:
///  1. `log_reset`, `hard`, `append`: handed to the log store, in one write;
///  2. `messages`: sent, but none before every `hard` of this and earlier steps is durable;
///  3. `install`: drop what is applied and fetch a snapshot; apply nothing until it is installed;
///  4. apply entries up to `commit` (consensus::entry gives them), if `applying`;
///  5. `timer_at`: arm the one timer.
struct effects {
  std::optional<index_t> log_reset; ///< the log is empty and begins at this index
  std::optional<hard_state> hard;
  std::optional<log_append> append;
  std::vector<message> messages;
  std::optional<snapshot_point> install;
  node_id install_from = no_node; ///< the leader that offered it
  index_t commit = 0;             ///< never goes back
  index_t trim_below = 0;         ///< entries below this index are no longer needed; 0: no change
  bool role_changed = false;      ///< role, term or leader differ from before the step
  monotonic_ms timer_at = 0;      ///< always later than the time of the step
};

enum class catch_up_status : std::uint8_t { none, running, aborted, finished };

/// One replica's share of Raft: events in, effects out; no I/O, no clock, no threads. It keeps
/// terms of the whole log and a bounded part of its payloads in memory.
///
/// Nothing that includes this header knows which library decides.
class consensus {
public:
  explicit consensus(const consensus_options& options);
  consensus(consensus&&) noexcept;
  consensus& operator=(consensus&&) noexcept;
  ~consensus();

  /// `now` never goes back. Errors: not_leader, change_pending, bad_member, transfer_pending, and
  /// corrupt when the log contradicts what was committed (the replica must stop). A step that
  /// fails has no effects.
  expected<effects, raft_errc> step(monotonic_ms now, event what);

  [[nodiscard]] role current_role() const;
  [[nodiscard]] term_t term() const;
  [[nodiscard]] node_id leader() const; ///< no_node when unknown
  [[nodiscard]] index_t commit_index() const;
  [[nodiscard]] index_t first_index() const;
  [[nodiscard]] index_t last_index() const;
  /// Stored durably, as far as append_persisted told.
  [[nodiscard]] index_t persisted_index() const;
  /// 0 when the entry is unknown.
  [[nodiscard]] term_t term_of(index_t index) const;
  /// An entry in memory, or null: trimmed, beyond the end, or its payload was evicted. Entries
  /// above the point last given to `evictable` are always there.
  [[nodiscard]] const log_entry* entry(index_t index) const;
  /// Payloads up to here are applied and may be forgotten when memory is short.
  void evictable(index_t applied);
  [[nodiscard]] std::size_t cache_bytes() const;
  [[nodiscard]] const configuration& members() const; ///< the latest in the log, committed or not
  /// A change could not be submitted now, here; removing a voter that lags perhaps could.
  [[nodiscard]] bool change_pending() const;
  [[nodiscard]] catch_up_status catch_up(node_id who) const;
  [[nodiscard]] node_id transferee() const;
  /// Leader only: the follower has stored everything up to here. 0 when unknown.
  [[nodiscard]] index_t match_index(node_id who) const;
  /// Until when this leader may answer reads from its applied state without asking anyone; 0 when
  /// it holds no lease. Void from a transfer to the end of the term, and during changes of members.
  /// The greatest number there is for a sole voter.
  [[nodiscard]] monotonic_ms lease_until() const;

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

} // namespace godwit::persistence::raft
