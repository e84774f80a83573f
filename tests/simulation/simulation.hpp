#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tests/simulation/checker.hpp"
#include "tests/simulation/client.hpp"
#include "tests/simulation/faults.hpp"
#include "tests/simulation/figures.hpp"
#include "tests/simulation/members_operator.hpp"
#include "tests/simulation/network.hpp"
#include "tests/simulation/profile.hpp"
#include "tests/simulation/sim_node.hpp"
#include "tests/simulation/world.hpp"

namespace godwit::simulation {

/// What one schedule came to.
struct outcome {
  figures counted;
  std::optional<std::string> violation;
};

/// One schedule: a group of replicas with clients, an operator and faults for a while, then a calm in
/// which it has to find a leader and come to one state.
class simulation {
public:
  simulation(const profile& kind, std::uint64_t seed, bool trace);
  outcome run();

private:
  void bootstrap();
  void carry_out(const event& next);
  void restart(unsigned node, std::uint32_t life);
  void look_for_convergence();
  /// Why the group has not come to one state; empty: it has.
  [[nodiscard]] std::string unfinished();

  world world_;
  checker checker_;
  network network_;
  sim_nodes nodes_;
  client client_;
  members_operator members_;
  faults faults_;
  time_us client_pause_ = 0;                    ///< mostly at most so long
  persistence::raft::proposal_token probe_ = 0; ///< proposed in the calm
  bool done_ = false;
};

/// Runs one schedule.
inline outcome run(const profile& kind, std::uint64_t seed, bool trace = false) {
  return simulation(kind, seed, trace).run();
}

} // namespace godwit::simulation
