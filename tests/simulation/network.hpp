#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "persistence/raft/message.hpp"
#include "tests/simulation/world.hpp"

namespace godwit::simulation {

/// What carries messages: loses, doubles, delays and reorders them, and can be cut between any two
/// nodes in either direction.
class network {
public:
  network(world& in, unsigned nodes) : world_(in), nodes_(nodes) {}

  void send(persistence::raft::message what);
  /// A message that arrives, given to whom event::argument names it.
  persistence::raft::message take(std::uint64_t slot);

  /// Nothing sent from now on arrives; what is under way does.
  [[nodiscard]] bool cut(unsigned from, unsigned to) const { return cut_[from][to]; }
  [[nodiscard]] bool reachable(unsigned a, unsigned b) const { return !cut_[a][b] && !cut_[b][a]; }

  void heal() { cut_ = {}; }
  void cut_one_way(unsigned from, unsigned to);
  void isolate(unsigned node);
  /// Only what it sends is lost, or only what it should get.
  void isolate_one_way(unsigned node, bool outwards);
  void split(std::uint64_t side);

private:
  [[nodiscard]] time_us delay();

  world& world_;
  unsigned nodes_;
  std::array<std::array<bool, nodes_max>, nodes_max> cut_{};
  std::vector<persistence::raft::message> under_way_;
  std::vector<std::uint64_t> free_;
};

/// For traces.
std::string to_string(const persistence::raft::message& what);

} // namespace godwit::simulation
