#include "cluster/shard/local_router.hpp"

#include <caf/send.hpp>

#include <utility>

namespace godwit::cluster {

void local_router::send(entity_request_ptr request) {
  if (!closed_.load(std::memory_order_acquire)) {
    caf::anon_send(hosts_[shard_of(request->to.id, shards_).value()], std::move(request));
  } else if (request->reply_to) {
    entity_reply none;
    none.token = request->token;
    none.status = reply_status::unavailable;
    caf::anon_send(request->reply_to, std::move(none));
  }
}

void local_router::send_lane(lane_message what) {
  if (!closed_.load(std::memory_order_acquire) && what.to.value() < hosts_.size()) {
    const caf::actor& host = hosts_[what.to.value()];
    caf::anon_send(host, std::move(what));
  }
}

} // namespace godwit::cluster
