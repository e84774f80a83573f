#pragma once

#include <cstdint>

#include "tests/cluster/simulation/sim_world.hpp"

namespace godwit::cluster_sim {

/// Signs a device of that phone number in, or up where the number has no account, through that node. Runs the world
/// meanwhile. The caller that its sessions have; no user: it could not be done, and that is a violation.
cluster::caller log_in(sim_world& world, std::uint32_t node, std::uint64_t phone, std::uint64_t key);

} // namespace godwit::cluster_sim
