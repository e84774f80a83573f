#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "persistence/raft/consensus.hpp"

namespace godwit::tests {

/// What a node's disk holds.
struct consensus_disk {
  persistence::hard_state hard;
  std::optional<persistence::snapshot_point> snapshot;
  persistence::index_t first = 1;
  std::vector<persistence::log_entry> log;

  [[nodiscard]] persistence::index_t last() const { return first + log.size() - 1; }
};

/// One consensus object with its disk; what it applied is kept for comparison.
struct consensus_node {
  struct write {
    std::optional<persistence::index_t> reset;
    std::optional<persistence::hard_state> hard;
    std::optional<persistence::raft::log_append> append;
    persistence::index_t trim_below = 0;
  };

  persistence::raft::consensus_options options;
  std::unique_ptr<persistence::raft::consensus> core; ///< null while it is down
  consensus_disk disk;
  std::deque<write> writes;    ///< not durable yet
  bool writes_complete = true; ///< false: only persist() completes them
  bool timers = true;          ///< false: its timer does not fire by itself
  persistence::monotonic_ms timer_at = 0;
  persistence::index_t commit = 0;
  std::map<persistence::index_t, persistence::log_entry> applied;
  persistence::configuration members; ///< as of what is applied
  persistence::index_t members_index = 0;
  std::optional<persistence::snapshot_point> installing;
};

/// Some consensus objects on one thread, with a clock, a network and disks that do what they are
/// told: for scripts of a few steps. Nothing is random but the election timeouts, which are seeded.
class consensus_cluster {
public:
  using message = persistence::raft::message;
  using filter = std::function<bool(const message&)>;

  /// Nodes 1 to `nodes`; the first `voters` of them are the first configuration.
  explicit consensus_cluster(unsigned voters, unsigned nodes = 0);
  /// Nodes 1 to `nodes` with `members` as first configuration.
  consensus_cluster(const persistence::configuration& members, unsigned nodes);

  consensus_node& operator[](unsigned id) { return nodes_[id - 1]; }
  [[nodiscard]] unsigned size() const { return static_cast<unsigned>(nodes_.size()); }
  persistence::monotonic_ms now = 1'000'000;

  /// One event. What it asks for is carried out: writes queue, or complete when the node is set so;
  /// messages go into the network; committed entries are applied.
  expected<persistence::raft::effects, persistence::raft::raft_errc> step(unsigned id, persistence::raft::event what);

  // --- network ---

  /// Delivers what is in the network, and what comes of it, until it is quiet.
  void deliver();
  /// Delivers those the filter accepts that are in the network now; nothing that comes of them.
  void deliver_now(const filter& accepted);
  /// Time passes; timers fire; messages take no time.
  void pass(persistence::monotonic_ms ms);
  void cut(unsigned a, unsigned b);
  void isolate(unsigned id);
  void heal() { cuts_.clear(); }
  /// Messages it accepts are lost.
  filter lose;
  /// Messages it accepts stay where they are, until deliver() after it is cleared.
  filter hold;
  std::deque<message> network;

  // --- disks ---

  /// Completes the oldest `count` writes of a node.
  void persist(unsigned id, std::size_t count = SIZE_MAX);
  void crash(unsigned id);
  /// Whether it took up what its disk holds.
  bool start(unsigned id);
  void restart(unsigned id) {
    crash(id);
    start(id);
  }
  /// Everything applied is taken for durable in the state store; the log is trimmed.
  void take_snapshot(unsigned id, std::uint32_t trailing);
  /// Ends an installation; the state that arrived is that of node `from`, whole.
  void finish_install(unsigned id, unsigned from);

  // --- leaders ---

  /// Makes `id` leader by the votes of all that can reach it. Others first forget their leader.
  bool elect(unsigned id);
  /// The node that leads in the highest term; 0 when none.
  [[nodiscard]] unsigned leader() const;
  /// The last index when it is accepted, 0 when refused.
  persistence::index_t submit(unsigned id, const std::string& payload);
  bool change(unsigned id, std::vector<persistence::member> members);

  // --- checks ---

  /// Two nodes applied different entries at the same index.
  [[nodiscard]] bool diverged() const;
  /// How many of the nodes have this entry of `id` in their logs in memory.
  [[nodiscard]] unsigned copies(unsigned id, persistence::index_t index) const;

private:
  void carry_out(unsigned id, const persistence::raft::effects& todo);
  void apply(consensus_node& node);
  [[nodiscard]] bool passes(const message& what) const;

  std::vector<consensus_node> nodes_;
  std::set<std::pair<unsigned, unsigned>> cuts_;
};

persistence::configuration voters(unsigned count);
persistence::member as_voter(unsigned id);
persistence::member as_standby(unsigned id);
persistence::member as_spare(unsigned id);
persistence::log_entry command(persistence::term_t term, const std::string& payload);
persistence::log_entry change_to(persistence::term_t term, const persistence::configuration& members);

} // namespace godwit::tests
