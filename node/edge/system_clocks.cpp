#include "node/edge/system_clocks.hpp"

#include <chrono>

namespace godwit::node {

cluster::monotonic_ms steady_clock_ms() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<cluster::monotonic_ms>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count()) + 1;
}

unix_ms wall_clock_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

std::shared_ptr<cluster::cluster_clock> make_cluster_clock() {
  return std::make_shared<cluster::cluster_clock>(steady_clock_ms(), wall_clock_ms());
}

} // namespace godwit::node
