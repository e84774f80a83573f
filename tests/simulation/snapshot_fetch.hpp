#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "persistence/state/state_store.hpp"
#include "tests/simulation/network.hpp"
#include "tests/simulation/world.hpp"

namespace godwit::simulation {

class sim_node;

/// Brings a snapshot from whoever leads over a stream of its own: slow, in pieces, goes on after a break
/// while the exporter still has its picture, begins anew otherwise. Gives up, and restarts its node, when
/// whoever leads does not come to hold what is wanted.
class snapshot_fetch {
public:
  snapshot_fetch(world& in, const network& wires, sim_node& owner, const std::vector<std::unique_ptr<sim_node>>& all)
      : world_(in), network_(wires), owner_(owner), all_(all) {}

  /// Takes the place of whatever was fetched before.
  void begin(persistence::node_id from, persistence::index_t at_least);
  void stop() { ++number_, export_.reset(); }
  /// The event `number` of this fetch.
  void turn(std::uint64_t number);

private:
  void open();
  void next_chunk();
  void chunk_stored(std::uint64_t number, bool last, const std::string& last_key, bool ok);
  void finish();
  void again(time_us from, time_us to);
  [[nodiscard]] sim_node* source() const;
  [[nodiscard]] bool connected() const;

  world& world_;
  const network& network_;
  sim_node& owner_;
  const std::vector<std::unique_ptr<sim_node>>& all_;

  std::uint64_t number_ = 0; ///< an event or answer of an older one is void
  persistence::node_id from_;
  persistence::index_t at_least_ = 0;
  std::unique_ptr<persistence::state_export> export_; ///< lives in the exporter
  unsigned exporter_ = 0;
  std::uint32_t exporter_life_ = 0;
  std::uint64_t next_ = 0;
  std::string last_key_;
  time_us behind_since_ = 0; ///< whoever leads stands below what is wanted; 0: not so
};

} // namespace godwit::simulation
