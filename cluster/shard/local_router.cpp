#include "cluster/shard/local_router.hpp"

#include <caf/send.hpp>

#include <utility>

namespace godwit::cluster {

const caf::actor* local_router::host_of(shard_id which) const {
  const std::size_t place = which == meta_shard ? shards_ : which.value();
  const bool beyond = which != meta_shard && which.value() >= shards_;
  return closed_.load(std::memory_order_acquire) || beyond || place >= hosts_.size() ? nullptr : &hosts_[place];
}

void local_router::send(entity_request_ptr request) {
  if (const caf::actor* const host = host_of(shard_of(request->to, shards_))) {
    caf::anon_send(*host, std::move(request));
  } else if (request->reply_to) {
    entity_reply none;
    none.token = request->token;
    none.status = reply_status::unavailable;
    caf::anon_send(request->reply_to, std::move(none));
  }
}

void local_router::send_lane(lane_message what) {
  if (const caf::actor* const host = host_of(what.to)) {
    caf::anon_send(*host, std::move(what));
  }
}

} // namespace godwit::cluster
