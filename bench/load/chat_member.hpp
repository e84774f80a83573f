#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "bench/load/chat_book.hpp"
#include "bench/load/chat_load.hpp"
#include "bench/load/load_client.hpp"
#include "protocol/tl/api/message_fn.hpp"
#include "protocol/tl/api/peer.hpp"

namespace godwit::bench {

/// One account of a chat_load, with its client.
struct chat_load::member {
  member(std::uint32_t at, load_client& with, std::size_t text_bytes) : index(at), client(with) {
    call.message = chat_text({at, 0}, text_bytes);
  }

  void address(std::int64_t partner, std::int64_t access_hash) {
    peer = partner;
    hash = access_hash;
    call.peer = input_peer();
  }

  [[nodiscard]] tl::box<tl::inputPeerUser> input_peer() const {
    auto made = tl::make<tl::inputPeerUser>();
    made->user_id = peer;
    made->access_hash = hash;
    return made;
  }

  std::uint32_t index;
  load_client& client;
  chat_account book;
  /// Sent again and again, with another mark.
  tl::fn::messages_sendMessage call;
  std::int64_t peer = 0;
  std::int64_t hash = 0;

  std::int32_t date = 0;
  /// The box's, as the server told it last.
  std::int32_t server_pts = 0;
  bool knows_state = false;

  std::uint32_t in_flight = 0;
  /// One of its calls was refused: the next one would be, too.
  bool stopped = false;

  bool catching_up = false;
  std::vector<std::function<void()>> after_catch_up;
  std::int32_t known_before = 0;

  /// Of its history: messages found, and those that should not be there.
  std::uint64_t in_history = 0;
  std::uint64_t wrong_in_history = 0;
};

} // namespace godwit::bench
