#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/tl/api/absent.hpp"
#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/message_fn.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/text.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/user.hpp"
#include "tests/actors/box/box_world.hpp"

namespace godwit::box::testing {

using send_message = tl::fn::messages_sendMessage;
using forward_messages = tl::fn::messages_forwardMessages;

/// Fills a call; calls are neither copied nor moved.
inline void fill(send_message& call, const box_world& world, std::int64_t from, std::int64_t to,
                 const std::string& text, std::int64_t random_id) {
  call.peer = world.peer(from, to);
  call.message = text;
  call.random_id = random_id;
}
inline void fill(forward_messages& call, const box_world& world, std::int64_t who, std::int64_t source, std::int64_t to,
                 const std::vector<message_id>& ids, std::int64_t first_random_id) {
  call.from_peer = world.peer(who, source);
  call.to_peer = world.peer(who, to);
  call.id = ids;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    call.random_id.push_back(first_random_id + static_cast<std::int64_t>(i));
  }
}

/// What an answer tells of one message.
struct sent {
  message_id id = 0;
  std::int32_t pts = 0;
  unix_time date = 0;

  friend bool operator==(const sent&, const sent&) = default;
};
/// Of the answer to sendMessage, in either form; a default one when it is neither.
inline sent sent_of(const rpc_result<tl::box<tl::Updates>>& answer) {
  if (!answer) {
    return {};
  }
  if (const auto* brief = tl::as<tl::updateShortSentMessage>(*answer)) {
    return {brief->id, brief->pts, brief->date};
  }
  if (const auto* full = tl::as<tl::updates>(*answer)) {
    for (const auto& each : full->updates_) {
      if (const auto* update = tl::as<tl::updateNewMessage>(each)) {
        const auto* message = tl::as<tl::message>(update->message);
        return {message->id, update->pts, message->date};
      }
    }
  }
  return {};
}

/// Sends a text and lets it arrive.
inline sent send(box_world& world, std::int64_t from, std::int64_t to, const std::string& text,
                 std::int64_t random_id) {
  send_message call;
  fill(call, world, from, to, text, random_id);
  const sent what = sent_of(world.call(from, call));
  world.run();
  return what;
}

/// What a session of one account heard of new messages.
struct heard_message {
  message_id id = 0;
  std::int32_t pts = 0;
  std::string text;
  bool out = false;
};
inline std::vector<heard_message> heard_messages(const box_world& world, std::int64_t who, std::uint64_t session) {
  std::vector<heard_message> found;
  for (const auto& each : world.heard(who, session)) {
    const auto* updates = tl::as<tl::updates>(each);
    for (std::size_t i = 0; updates != nullptr && i < updates->updates_.size(); ++i) {
      if (const auto* update = tl::as<tl::updateNewMessage>(updates->updates_[i])) {
        const auto* message = tl::as<tl::message>(update->message);
        found.push_back({message->id, update->pts, message->message_, message->out});
      }
    }
  }
  return found;
}

/// The account blocks another; both are loaded anew from rows.
inline void block(box_world& world, std::int64_t who, std::int64_t whom) {
  persistence::records::Relation relation;
  relation.set_blocked_at(world.now);
  world.rows(who)[{records_table::user_relation, entity::id_sub_key(static_cast<std::uint64_t>(whom))}] =
    relation.SerializeAsString();
  world.restart(who);
}

/// The message and what finds it are gone, as after a deletion.
inline void vanish(box_world& world, std::int64_t who, std::int64_t peer, message_id id) {
  world.rows(who).erase({records_table::message, message_key(user_id{peer}, id)});
  world.rows(who).erase({records_table::message_place, place_key(id)});
}

} // namespace godwit::box::testing
