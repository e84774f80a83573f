#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "bench/load/cluster_layout.hpp"

namespace godwit::bench {

/// Asks a node of a cluster now and then who votes in which shard, on a thread of its own.
class shard_watch {
public:
  shard_watch(const cluster_layout& of, unsigned node);
  ~shard_watch();
  shard_watch(const shard_watch&) = delete;
  shard_watch& operator=(const shard_watch&) = delete;

  /// Every shard, the cluster's own among them, has so many voters, all of them up and close behind.
  [[nodiscard]] bool all_vote(std::size_t nodes) const;
  /// The node with that number votes in that shard.
  [[nodiscard]] bool votes(std::uint16_t shard, std::uint64_t number) const;

private:
  void run();
  void look();

  const cluster_layout& layout_;
  const unsigned node_;
  std::atomic<bool> ended_ = false;
  mutable std::mutex mutex_;
  std::map<std::string, std::set<std::uint64_t>> voters_; ///< by shard; those that are up and close behind
  bool others_ = true;                                    ///< members that are something else, or nothing was heard yet
  std::thread thread_;
};

} // namespace godwit::bench
