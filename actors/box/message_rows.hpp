#pragma once

#include <functional>
#include <optional>

#include "actors/box/box_core.hpp"

namespace godwit::box {

/// One message of a box as its row is; without a row there is none.
struct found_message {
  user_id peer;
  message_id id = 0;
  std::optional<Message> row;
};

using message_continuation = std::function<void(found_message found, unix_time now, entity_effects& out)>;

/// Reads one message of a dialog, and the dialog as box_core::with_dialog does. Part of an operation.
void with_message(box_core& core, user_id peer, message_id id, unix_time now, entity_effects& out,
                  message_continuation then);
/// The same for the message that a peer wrote in its own box under this number.
void with_origin(box_core& core, user_id peer, message_id origin, unix_time now, entity_effects& out,
                 message_continuation then);

/// For readers: what lies at a place of the table.
std::optional<Message> read_message(entity::row_reader& reader, user_id peer, message_id id);
/// The number that a peer's message has here; 0: it is not here.
message_id read_origin(entity::row_reader& reader, user_id peer, message_id origin);
/// The dialog that a message is in.
std::optional<user_id> read_place(entity::row_reader& reader, message_id id);

} // namespace godwit::box
