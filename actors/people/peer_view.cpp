#include "actors/people/peer_view.hpp"

#include "protocol/tl/api/peer.hpp"

namespace godwit::people {

tl::box<tl::Peer> peer_view(user_id peer) {
  if (peer.value() < 0) {
    auto chat = tl::make<tl::peerChat>();
    chat->chat_id = -peer.value();
    return chat;
  }
  auto user = tl::make<tl::peerUser>();
  user->user_id = peer.value();
  return user;
}

} // namespace godwit::people
