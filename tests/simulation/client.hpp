#pragma once

#include <array>
#include <string>
#include <vector>

#include "tests/simulation/checker.hpp"
#include "tests/simulation/sim_node.hpp"
#include "tests/simulation/world.hpp"

namespace godwit::simulation {

/// Proposes mutations to whoever claims to be ready, sometimes for a term that is over, and reads from
/// leaders under their lease.
class client {
public:
  client(world& in, checker& check, const sim_nodes& all) : world_(in), checker_(check), all_(all) {}

  void turn();
  /// One proposal with the current fence; 0 when it was refused.
  persistence::raft::proposal_token propose(sim_node& to);

private:
  void propose(sim_node& to, unsigned count);
  persistence::raft::proposal_token propose(sim_node& to, persistence::term_t fence);
  void read(sim_node& from);
  [[nodiscard]] std::string mutation(persistence::raft::proposal_token token);

  world& world_;
  checker& checker_;
  const sim_nodes& all_;
  std::array<persistence::term_t, nodes_max> seen_term_{}; ///< last ready one
};

} // namespace godwit::simulation
