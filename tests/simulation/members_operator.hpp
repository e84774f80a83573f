#pragma once

#include <array>

#include "tests/simulation/checker.hpp"
#include "tests/simulation/sim_node.hpp"
#include "tests/simulation/world.hpp"

namespace godwit::simulation {

/// Changes the group's members at random, one at a time, as an operator could: adds, brings up to the
/// log and promotes, demotes, removes.
class members_operator {
public:
  members_operator(world& in, checker& check, const sim_nodes& all) : world_(in), checker_(check), all_(all) {}

  void turn();
  /// This node will not come back by itself; it should be removed.
  void dead(unsigned node, bool is) { dead_[node] = is; }
  [[nodiscard]] bool is_dead(unsigned node) const { return dead_[node]; }

private:
  bool go_on_catching_up(sim_node& leader);
  void change(sim_node& leader, persistence::configuration next, const char* what);
  void add(sim_node& leader);
  void catch_up(sim_node& leader);
  void demote(sim_node& leader);
  void remove(sim_node& leader);
  /// May this member stop to be a voter, so that enough are left?
  [[nodiscard]] bool may_go(const persistence::configuration& members, std::size_t at);

  world& world_;
  checker& checker_;
  const sim_nodes& all_;
  std::array<bool, nodes_max> dead_{};
  persistence::node_id catching_up_; ///< no_node: nobody
  persistence::term_t catching_up_term_ = 0;
};

} // namespace godwit::simulation
