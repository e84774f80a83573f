#pragma once

#include <optional>

#include "actors/box/outgoing.hpp"

namespace godwit::box {

/// A reply as a client asks for it, in the way of all layers. Errors: reply_message_id_invalid, reply_to_invalid,
/// quote_text_invalid, those of people::resolve.
rpc_result<reply_wish> take_reply(const tl::inputReplyToMessage* reply, std::optional<std::int32_t> old_id, user_id to,
                                  const people::people& people);

/// Makes the first message of the operation, which was read, answer what is wished; a message that is gone is not
/// answered. Errors: reply_message_id_invalid, quote_text_invalid, chat_forwards_restricted.
std::optional<rpc_errc> add_reply(send_operation& what, const box_core& core);

/// Who wrote a message of this box, as others may know it: the account, or nobody and a name.
struct shown_author {
  user_id who;
  std::string name;
};
shown_author author_of(const Message& message, user_id dialog, const box_core& core);

} // namespace godwit::box
