#include "tests/cluster/faults/ready_watch.hpp"

#include <chrono>

namespace godwit::cluster_faults {
namespace {

constexpr std::chrono::milliseconds every{250};

} // namespace

ready_watch::ready_watch(const bench::cluster_layout& layout) : layout_(layout) {
  for (unsigned node = 1; node <= layout.nodes(); ++node) {
    nodes_.push_back(std::make_unique<watched>());
  }
  for (unsigned node = 1; node <= layout.nodes(); ++node) {
    nodes_[node - 1]->thread = std::thread([this, node] { watch(node); });
  }
}

ready_watch::~ready_watch() {
  {
    const std::lock_guard hold(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (const auto& each : nodes_) {
    each->thread.join();
  }
}

void ready_watch::watch(unsigned node) {
  watched& mine = *nodes_[node - 1];
  std::unique_lock hold(mutex_);
  while (!stopping_) {
    hold.unlock();
    const bool ready = layout_.is_ready(node);
    mine.ready = ready;
    mine.refusals += ready ? 0 : 1;
    hold.lock();
    wake_.wait_for(hold, every, [this] { return stopping_; });
  }
}

} // namespace godwit::cluster_faults
