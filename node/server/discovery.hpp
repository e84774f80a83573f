#pragma once

#include <string>

#include "cluster/member/cluster_map.hpp"

namespace godwit::node {

/// Where Prometheus finds the metrics of every node that was not removed, in the form of its HTTP service discovery: a
/// JSON list of {"targets": ["address:port"], "labels": {"node": name, "cluster": name}}.
std::string discovery_json(const cluster::cluster_map& map);

} // namespace godwit::node
