#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "bench/load/cluster_layout.hpp"

namespace godwit::cluster_faults {

/// Asks each node all the time whether it is ready, on a thread for each: a frozen one answers late.
class ready_watch {
public:
  explicit ready_watch(const bench::cluster_layout& layout);
  ~ready_watch();
  ready_watch(const ready_watch&) = delete;
  ready_watch& operator=(const ready_watch&) = delete;

  /// What the node said last. Nodes are counted from 1.
  [[nodiscard]] bool is_ready(unsigned node) const { return nodes_[node - 1]->ready; }
  /// How often it was asked and said no.
  [[nodiscard]] std::uint64_t refusals(unsigned node) const { return nodes_[node - 1]->refusals; }

private:
  struct watched {
    std::atomic<bool> ready{false};
    std::atomic<std::uint64_t> refusals{0};
    std::thread thread;
  };

  void watch(unsigned node);

  const bench::cluster_layout& layout_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::vector<std::unique_ptr<watched>> nodes_;
};

} // namespace godwit::cluster_faults
