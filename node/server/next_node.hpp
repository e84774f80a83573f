#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "node/server/cluster_commands.hpp"

namespace godwit::node {

/// What a running node answers to `next-node-id`, by which `invite` asks it: the first number above all its cluster
/// knows, those of removed nodes among them, and where the nodes are. `given`: the number that the cluster itself has
/// set aside, which counts then; 0: it did not answer. `instead_of`: the number that was to replace the same node before.
control_answer next_node_answer(const cluster::cluster_map& map, std::uint64_t given = 0, std::uint64_t instead_of = 0);

/// `next-node-id [LEAST [REPLACED [exact]]]`: sets a number for a further node aside in the cluster itself, LEAST or
/// greater, with `exact` LEAST or none; those below count as given, too. REPLACED, a node that is not up, is removed when
/// the new one announces itself; 0: none is. When the cluster does not answer, the first number above all of the map,
/// unless a node is to be replaced. Blocks for seconds.
control_answer next_node_of(caf::actor_system& system, cluster::router& router, const cluster_access& access,
                            const std::vector<std::string>& arguments);

} // namespace godwit::node
