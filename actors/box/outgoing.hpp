#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/box/box_core.hpp"
#include "actors/box/sent_book.hpp"
#include "actors/box/text_entities.hpp"

namespace godwit::box {

/// The answer to a message that a client wishes to give.
struct reply_wish {
  user_id peer;      ///< the dialog of what is answered
  message_id id = 0; ///< 0: nothing is answered
  std::string quote; ///< empty: the whole message
  text_entity_list quote_entities;
  std::int32_t quote_offset = 0; ///< where it was, about

  [[nodiscard]] bool is_one() const { return id != 0; }
};

/// A message on its way into the box.
struct outgoing {
  std::int64_t random_id = 0;
  Message message;
  /// What it answers, for the peer: whose message it is, and its number there. 0: nothing there.
  user_id answered_owner;
  message_id answered_id = 0;

  message_id source = 0; ///< of a forwarded one: its number in the dialog that it comes from
  std::optional<Message> source_row;

  /// It was sent before: what came of it, and its row where that is still there.
  std::optional<Sent> repeated;
  std::optional<Message> repeated_row;

  message_id id = 0; ///< when it is in the box; its pts and date as well
  std::int32_t pts = 0;
  unix_time date = 0;
};

/// One call that sends messages to one peer, as an operation on the box.
struct send_operation {
  call_context from;
  user_id to;
  std::vector<outgoing> list;
  bool clear_draft = false;

  reply_wish reply;
  std::optional<Message> answered;

  bool forwards = false;
  bool drop_author = false;
  user_id source; ///< the dialog that messages are forwarded from

  sent_book::search search;
  std::size_t written = 0; ///< of the list
};
using send_operation_ptr = std::shared_ptr<send_operation>;

} // namespace godwit::box
