#include "node/server/discovery.hpp"

#include <nlohmann/json.hpp>

#include "cluster/peer/peer_greeting.hpp"

namespace godwit::node {

std::string discovery_json(const cluster::cluster_map& map) {
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const auto& [id, each] : map.nodes) {
    if (each.state == cluster::node_state::removed || each.metrics.host.empty()) {
      continue;
    }
    const std::string name = each.name.empty() ? "node-" + std::to_string(id.value()) : each.name;
    all.push_back(
      {{"targets", {cluster::to_string(each.metrics)}}, {"labels", {{"node", name}, {"cluster", map.name}}}});
  }
  return all.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

} // namespace godwit::node
