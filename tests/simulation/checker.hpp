#pragma once

#include <array>
#include <deque>
#include <unordered_map>
#include <utility>
#include <vector>

#include "persistence/raft/replica.hpp"
#include "tests/simulation/log_disk.hpp"
#include "tests/simulation/model.hpp"
#include "tests/simulation/state_disk.hpp"
#include "tests/simulation/world.hpp"

namespace godwit::simulation {

/// Knows what every node did and says when a property does not hold (world::violated). Looks from
/// outside: at what reaches the disks, at messages, at what replicas tell of themselves.
class checker {
public:
  explicit checker(world& in) : world_(in) {}

  void watch(unsigned node, const log_disk& log, const state_disk& state);

  // --- disks (checker_disks.cpp) ---

  void log_submitted(unsigned node, const persistence::log_write& write);
  void log_stored(unsigned node, const persistence::log_write& write);
  void hard_state_stored(unsigned node, const persistence::hard_state& hard);
  /// A flush up to `point` is in the store.
  void state_written(unsigned node, const persistence::snapshot_point& point);
  void sent(unsigned node, const persistence::raft::message& what);

  // --- replicas (checker_replicas.cpp) ---

  /// A process begins with what its disks hold.
  void starts(unsigned node, const persistence::recovered_log& log);
  void dies(unsigned node) { nodes_[node].lease_until = 0; }
  /// After each call into a replica.
  void observe(unsigned node, const persistence::raft::replica& replica, persistence::shard_state& state);
  /// After a call in which the process died: what it knew to be committed is so all the same.
  void observe_dying(unsigned node, const persistence::raft::replica& replica) {
    if (!replica.installing()) {
      observe_commits(node, replica.core());
    }
  }
  void install_asked(unsigned node, const persistence::snapshot_point& at_least);
  void install_done(unsigned node, const persistence::snapshot_point& point);
  /// All rows, overlay and store, against the model.
  void compare_fully(unsigned node, persistence::shard_state& state);

  // --- clients (checker_proposals.cpp) ---

  persistence::raft::proposal_token propose(unsigned node, persistence::term_t fence, bool change);
  void refused(persistence::raft::proposal_token token) { proposals_[token].open = false; }
  void finished(unsigned node, persistence::raft::proposal_token token, persistence::raft::proposal_outcome outcome,
                persistence::index_t index);
  /// Reads at random what a leader under its lease would answer now.
  void read_under_lease(unsigned node, const persistence::raft::replica& replica, persistence::shard_state& state,
                        std::string_view key);
  /// A row as some replica says it is at this index.
  void row_read(unsigned node, std::string_view key, std::optional<std::string_view> value, persistence::index_t at);
  void page_read(unsigned node, const persistence::row_range& range, persistence::index_t at,
                 const persistence::row_page& page);

  [[nodiscard]] persistence::index_t committed() const { return committed_.size(); }
  /// The last committed configuration.
  [[nodiscard]] persistence::configuration members() const;
  [[nodiscard]] bool acknowledged(persistence::raft::proposal_token token) const {
    return proposals_[token].outcome == persistence::raft::proposal_outcome::applied && !proposals_[token].open;
  }
  [[nodiscard]] bool open(persistence::raft::proposal_token token) const { return proposals_[token].open; }

private:
  using term_t = persistence::term_t;
  using index_t = persistence::index_t;

  struct node_record {
    const log_disk* log = nullptr;
    const state_disk* state = nullptr;
    persistence::hard_state hard; ///< durable
    std::unordered_map<term_t, persistence::node_id> votes;
    // of the process
    term_t term = 0;
    index_t commit = 0;
    index_t applied = 0;
    bool leads = false;
    persistence::monotonic_ms lease_until = 0;
    persistence::configuration base;
    index_t base_index = 0;
    std::vector<std::pair<index_t, persistence::configuration>> changes; ///< in the log, by index
  };
  struct committed_entry {
    persistence::log_entry entry;
    term_t leader_term = 0; ///< of the replica that was seen first to have it committed
  };
  /// What stood at some index in some log.
  struct logged_entry {
    persistence::log_entry entry;
    term_t previous = 0; ///< term of the entry before it; 0: unknown
  };
  struct proposal {
    term_t fence = 0;
    index_t committed = 0;
    bool open = true;
    bool change = false;
    persistence::raft::proposal_outcome outcome = persistence::raft::proposal_outcome::unknown;
  };

  void violated(unsigned node, const std::string& what);
  void compare_logs(unsigned node, index_t index, const persistence::log_entry& entry, term_t previous);
  void observe_role(unsigned node, const persistence::raft::consensus& core);
  void observe_commits(unsigned node, const persistence::raft::consensus& core);
  void observe_applied(unsigned node, persistence::shard_state& state);
  void observe_lease(unsigned node, const persistence::raft::consensus& core);
  void observe_members(unsigned node, const persistence::raft::consensus& core);
  void leader_has_all(unsigned node, const persistence::raft::consensus& core);
  /// As some disk held it once; null: none.
  [[nodiscard]] const persistence::log_entry* stored_entry(index_t index, term_t term) const;
  void commit_first(index_t index, const persistence::log_entry& entry, term_t leader_term);

  world& world_;
  std::array<node_record, nodes_max> nodes_;
  std::vector<committed_entry> committed_; ///< entry i stands at i - 1
  std::vector<std::vector<logged_entry>> logged_;
  std::unordered_map<term_t, unsigned> leaders_;
  std::deque<proposal> proposals_{1}; ///< by token; 0 is none
  model model_;
  term_t newest_term_ = 0;   ///< of a committed entry
  index_t acknowledged_ = 0; ///< newest index of an acknowledged proposal
};

} // namespace godwit::simulation
