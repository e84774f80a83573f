#pragma once

#include <atomic>
#include <vector>

#include "cluster/shard/router.hpp"

namespace godwit::cluster {

/// The router of a node that has every shard: a request goes into the mailbox of its shard's host. Between nodes, the
/// last step of the way, and the first one of what goes back from a host.
class local_router final : public router {
public:
  explicit local_router(std::uint16_t shards) : shards_(shards) {}

  void send(entity_request_ptr request) override;
  void send_lane(lane_message what) override;
  [[nodiscard]] std::uint16_t shards() const override { return shards_; }

  /// The hosts, by shard, and that of meta_shard behind them, if there is one; once, before the first request.
  void attach(std::vector<caf::actor> hosts) { hosts_ = std::move(hosts); }
  /// Requests are answered `unavailable` from here on.
  void close() { closed_.store(true); }

private:
  /// Null: no such shard here.
  [[nodiscard]] const caf::actor* host_of(shard_id which) const;

  const std::uint16_t shards_;
  std::vector<caf::actor> hosts_;
  std::atomic<bool> closed_{false};
};

} // namespace godwit::cluster
