#include "actors/box/message_rows.hpp"

#include <memory>
#include <utility>

namespace godwit::box {

std::optional<Message> read_message(entity::row_reader& reader, user_id peer, message_id id) {
  const auto bytes = reader.get(records_table::message, message_key(peer, id));
  Message message;
  if (!bytes || !message.ParseFromString(*bytes)) {
    return std::nullopt;
  }
  return message;
}

message_id read_origin(entity::row_reader& reader, user_id peer, message_id origin) {
  const auto bytes = reader.get(records_table::message_origin, message_key(peer, origin));
  persistence::records::MessageOrigin row;
  return bytes && row.ParseFromString(*bytes) ? row.id() : 0;
}

std::optional<user_id> read_place(entity::row_reader& reader, message_id id) {
  const auto bytes = reader.get(records_table::message_place, place_key(id));
  persistence::records::MessagePlace row;
  if (!bytes || !row.ParseFromString(*bytes)) {
    return std::nullopt;
  }
  return user_id{row.peer()};
}

void with_message(box_core& core, user_id peer, message_id id, unix_time now, entity_effects& out,
                  message_continuation then) {
  auto found = std::make_shared<found_message>();
  found->peer = peer;
  found->id = id;
  core.with_dialog_and(
    peer, [found](entity::row_reader& reader) { found->row = read_message(reader, found->peer, found->id); }, now, out,
    [found, then = std::move(then)](unix_time later, entity_effects& more) { then(std::move(*found), later, more); });
}

void with_origin(box_core& core, user_id peer, message_id origin, unix_time now, entity_effects& out,
                 message_continuation then) {
  auto found = std::make_shared<found_message>();
  found->peer = peer;
  const auto read = [found, origin](entity::row_reader& reader) {
    found->id = read_origin(reader, found->peer, origin);
    if (found->id != 0) {
      found->row = read_message(reader, found->peer, found->id);
    }
  };
  core.with_dialog_and(peer, read, now, out, [found, then = std::move(then)](unix_time later, entity_effects& more) {
    then(std::move(*found), later, more);
  });
}

} // namespace godwit::box
