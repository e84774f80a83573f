#include <utility>

#include "cluster/member/cluster_map.hpp"

namespace godwit::cluster {

map_board::map_board() : current_(std::make_shared<const cluster_map>()) {}

cluster_map_ptr map_board::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

void map_board::put(cluster_map_ptr map) {
  const std::lock_guard telling(telling_);
  {
    const std::lock_guard lock(mutex_);
    if (map->version <= current_->version) {
      return;
    }
    current_ = map;
  }
  for (const listener& each : listeners_) {
    each(map);
  }
}

void map_board::on_change(listener who) { listeners_.push_back(std::move(who)); }

} // namespace godwit::cluster
