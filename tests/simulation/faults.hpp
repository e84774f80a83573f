#pragma once

#include <optional>
#include <utility>

#include "tests/simulation/members_operator.hpp"
#include "tests/simulation/network.hpp"
#include "tests/simulation/sim_node.hpp"
#include "tests/simulation/world.hpp"

namespace godwit::simulation {

/// What goes wrong, and leadership handed over in the middle of it.
class faults {
public:
  faults(world& in, network& wires, const sim_nodes& all, members_operator& members)
      : world_(in), network_(wires), all_(all), members_(members) {}

  void begin();
  /// One trouble begins or ends. Returns the time until the next.
  time_us turn();
  /// Nothing goes wrong any more: what is down comes back, unless it was removed meanwhile.
  void end(const persistence::configuration& committed);

private:
  void change_weather();
  void cut();
  void crash();
  void isolate_leader();
  void transfer();
  void kill();
  void lose_minority();
  [[nodiscard]] sim_node& any() { return *all_[world_.random.below(all_.size())]; }
  void tell(const std::string& what) const { world_.trace(0, what); }

  world& world_;
  network& network_;
  const sim_nodes& all_;
  members_operator& members_;
  bool isolated_ = false;
  std::optional<std::pair<unsigned, unsigned>> apart_; ///< the leader and another, while only these are cut
};

} // namespace godwit::simulation
