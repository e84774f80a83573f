#include "tests/simulation/world.hpp"

#include <cstdio>

namespace godwit::simulation {

void world::trace(std::uint64_t node, const std::string& text) const {
  if (!tracing) {
    return;
  }
  const std::string who = node == 0 ? std::string("  ") : "n" + std::to_string(node);
  std::printf("%10.3f ms  %s  %s\n", static_cast<double>(now) / 1000.0, who.c_str(), text.c_str());
}

} // namespace godwit::simulation
