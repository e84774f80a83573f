#include "cluster/shard/shard_context.hpp"

#include <caf/send.hpp>

#include <utility>

namespace godwit::cluster {

void shard_context::answer(const entity_request_ptr& request, entity_reply what) {
  if (request->reply_to) {
    what.token = request->token;
    caf::anon_send(request->reply_to, std::move(what));
  }
}

} // namespace godwit::cluster
