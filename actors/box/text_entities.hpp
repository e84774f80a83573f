#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "actors/people/people.hpp"
#include "persistence/records/chat.pb.h"
#include "protocol/rpc_error.hpp"
#include "protocol/tl/api/forward.hpp"
#include "protocol/tl/object.hpp"

namespace godwit::box {

/// What a TextEntity is. On disk: never renumber.
enum class text_entity_kind : std::uint8_t {
  unknown = 1,
  mention = 2,
  hashtag = 3,
  bot_command = 4,
  url = 5,
  email = 6,
  bold = 7,
  italic = 8,
  code = 9,
  pre = 10,
  text_url = 11,
  mention_name = 12,
  phone = 13,
  cashtag = 14,
  underline = 15,
  strike = 16,
  bank_card = 17,
  spoiler = 18,
  custom_emoji = 19,
  blockquote = 20,
};

using text_entity_list = google::protobuf::RepeatedPtrField<persistence::records::TextEntity>;

/// UTF-16 code units of a valid UTF-8 text, as the API counts offsets.
std::size_t utf16_length(std::string_view text);

/// A text as it is kept: white space at both ends is cut, entities are moved along, cut where they leave the text,
/// sorted; those left empty are dropped, and so are links that lead nowhere. Links, addresses of mail, mentions of
/// usernames, hashtags and commands that the client did not mark are marked where nothing but a style is. Errors:
/// message_empty, message_too_long, entities_too_long, entity_bounds_invalid, entity_mention_user_invalid.
struct formatted_text {
  std::string text;
  text_entity_list entities;
};
rpc_result<formatted_text> take_text(const std::string& text, const std::vector<tl::box<tl::MessageEntity>>& entities,
                                     const people::people& people);

/// The text of a draft, as it stands: nothing is cut or marked, and it may be empty. Errors: as take_text but for
/// message_empty.
rpc_result<formatted_text> take_draft_text(const std::string& text,
                                           const std::vector<tl::box<tl::MessageEntity>>& entities,
                                           const people::people& people);

/// Those that the layer knows.
std::vector<tl::box<tl::MessageEntity>> entity_views(const text_entity_list& entities, layer_t layer);

} // namespace godwit::box
