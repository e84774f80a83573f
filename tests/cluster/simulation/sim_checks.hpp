#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/cluster/simulation/sim_device.hpp"

namespace godwit::cluster_sim {

using sim_devices = std::vector<std::unique_ptr<sim_device>>;

/// The applied state is written on all nodes, and there is nothing that one would still have to tell another.
bool settled(sim_world& world);
/// How shards stand where they are not, for messages.
std::string unsettled(sim_world& world);

/// After a calm: what is on the disks is equal on all nodes; every acknowledged message is once in both boxes, in
/// order; positions have no gap; and what devices kept is what is in the boxes. The first thing that does not hold is a
/// violation.
void check_boxes(sim_world& world, const sim_devices& devices);

} // namespace godwit::cluster_sim
