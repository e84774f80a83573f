#include "actors/box/text_entities.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <tuple>
#include <utility>

#include "actors/box/text_marks.hpp"
#include "actors/people/name_text.hpp"
#include "config/limits.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/text.hpp"

namespace godwit::box {
namespace {

using persistence::records::TextEntity;

constexpr unsigned char byte_of(char c) { return static_cast<unsigned char>(c); }

struct character {
  utf8proc_int32_t code = 0;
  std::size_t bytes = 1;
};

character character_at(std::string_view text, std::size_t at) {
  character found;
  if (byte_of(text[at]) < 0x80) {
    found.code = text[at];
    return found;
  }
  const auto bytes = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data() + at),
                                      static_cast<utf8proc_ssize_t>(text.size() - at), &found.code);
  found.bytes = bytes > 0 ? static_cast<std::size_t>(bytes) : 1;
  return found;
}

bool is_space(utf8proc_int32_t code) {
  if (code < 0x80) {
    return code <= ' ' || code == 0x7F;
  }
  const auto category = utf8proc_category(code);
  return category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL || category == UTF8PROC_CATEGORY_ZP ||
         category == UTF8PROC_CATEGORY_CC;
}

/// Takes no room on a screen: a text of such alone says nothing.
bool is_invisible(utf8proc_int32_t code) {
  return is_space(code) || (code >= 0x80 && utf8proc_category(code) == UTF8PROC_CATEGORY_CF);
}

std::size_t leading_space(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const character next = character_at(text, at);
    if (!is_space(next.code)) {
      break;
    }
    at += next.bytes;
  }
  return at;
}

std::size_t end_without_space(std::string_view text) {
  std::size_t end = text.size();
  while (end > 0) {
    std::size_t begin = end - 1;
    while (begin > 0 && (byte_of(text[begin]) & 0xC0) == 0x80) {
      --begin;
    }
    if (!is_space(character_at(text, begin).code)) {
      break;
    }
    end = begin;
  }
  return end;
}

bool says_nothing(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const character next = character_at(text, at);
    if (!is_invisible(next.code)) {
      return false;
    }
    at += next.bytes;
  }
  return true;
}

/// Where a UTF-16 offset may not point: between the two units of one character.
class unit_map {
public:
  explicit unit_map(std::string_view text) {
    for (const char c : text) {
      if ((byte_of(c) & 0xC0) == 0x80) {
        continue;
      }
      if (byte_of(c) >= 0xF0) {
        split_.push_back(units_ + 1);
        ++units_;
      }
      ++units_;
    }
  }
  [[nodiscard]] std::int64_t units() const { return units_; }
  [[nodiscard]] bool splits(std::int64_t offset) const {
    return std::binary_search(split_.begin(), split_.end(), offset);
  }

private:
  std::int64_t units_ = 0;
  std::vector<std::int64_t> split_;
};

/// The offset and length of an entity of any constructor, and what it is; nothing for those that are not kept.
struct marked {
  text_entity_kind kind{};
  std::int32_t offset = 0;
  std::int32_t length = 0;
  std::string text;
  const tl::InputUser* user = nullptr;
  std::int64_t number = 0;
  bool collapsed = false;
};

template <class Entity>
marked read_plain(const tl::MessageEntity& from, text_entity_kind kind) {
  const auto& entity = static_cast<const Entity&>(from);
  marked result;
  result.kind = kind;
  result.offset = entity.offset;
  result.length = entity.length;
  return result;
}

std::optional<marked> read_entity(const tl::MessageEntity& from) {
  switch (from.kind()) {
  case tl::messageEntityMention::kind_id: return read_plain<tl::messageEntityMention>(from, text_entity_kind::mention);
  case tl::messageEntityHashtag::kind_id: return read_plain<tl::messageEntityHashtag>(from, text_entity_kind::hashtag);
  case tl::messageEntityBotCommand::kind_id:
    return read_plain<tl::messageEntityBotCommand>(from, text_entity_kind::bot_command);
  case tl::messageEntityUrl::kind_id: return read_plain<tl::messageEntityUrl>(from, text_entity_kind::url);
  case tl::messageEntityEmail::kind_id: return read_plain<tl::messageEntityEmail>(from, text_entity_kind::email);
  case tl::messageEntityBold::kind_id: return read_plain<tl::messageEntityBold>(from, text_entity_kind::bold);
  case tl::messageEntityItalic::kind_id: return read_plain<tl::messageEntityItalic>(from, text_entity_kind::italic);
  case tl::messageEntityCode::kind_id: return read_plain<tl::messageEntityCode>(from, text_entity_kind::code);
  case tl::messageEntityPhone::kind_id: return read_plain<tl::messageEntityPhone>(from, text_entity_kind::phone);
  case tl::messageEntityCashtag::kind_id: return read_plain<tl::messageEntityCashtag>(from, text_entity_kind::cashtag);
  case tl::messageEntityUnderline::kind_id:
    return read_plain<tl::messageEntityUnderline>(from, text_entity_kind::underline);
  case tl::messageEntityStrike::kind_id: return read_plain<tl::messageEntityStrike>(from, text_entity_kind::strike);
  case tl::messageEntityBankCard::kind_id:
    return read_plain<tl::messageEntityBankCard>(from, text_entity_kind::bank_card);
  case tl::messageEntitySpoiler::kind_id: return read_plain<tl::messageEntitySpoiler>(from, text_entity_kind::spoiler);
  case tl::messageEntityPre::kind_id: {
    auto result = read_plain<tl::messageEntityPre>(from, text_entity_kind::pre);
    result.text = static_cast<const tl::messageEntityPre&>(from).language;
    return result;
  }
  case tl::messageEntityTextUrl::kind_id: {
    auto result = read_plain<tl::messageEntityTextUrl>(from, text_entity_kind::text_url);
    result.text = static_cast<const tl::messageEntityTextUrl&>(from).url;
    return result;
  }
  case tl::inputMessageEntityMentionName::kind_id: {
    auto result = read_plain<tl::inputMessageEntityMentionName>(from, text_entity_kind::mention_name);
    result.user = static_cast<const tl::inputMessageEntityMentionName&>(from).user_id.get();
    return result;
  }
  case tl::messageEntityCustomEmoji::kind_id: {
    auto result = read_plain<tl::messageEntityCustomEmoji>(from, text_entity_kind::custom_emoji);
    result.number = static_cast<const tl::messageEntityCustomEmoji&>(from).document_id;
    return result;
  }
  case tl::messageEntityBlockquote::kind_id: {
    auto result = read_plain<tl::messageEntityBlockquote>(from, text_entity_kind::blockquote);
    result.collapsed = static_cast<const tl::messageEntityBlockquote&>(from).collapsed;
    return result;
  }
  default: return std::nullopt;
  }
}

/// Looks at what an entity carries; false: it is dropped.
rpc_result<bool> check_entity(marked& entity, const people::people& people) {
  switch (entity.kind) {
  case text_entity_kind::mention_name: {
    const auto user = people.resolve(entity.user);
    if (!user) {
      return unexpected(rpc_error(rpc_errc::entity_mention_user_invalid));
    }
    entity.number = user->value();
    return true;
  }
  case text_entity_kind::text_url: entity.text = link_address(entity.text); return !entity.text.empty();
  case text_entity_kind::pre:
    if (entity.text.size() > limits::listing_language_bytes_max) {
      entity.text.clear();
    }
    return true;
  default: return true;
  }
}

auto place_of(const TextEntity& entity) { return std::tuple(entity.offset(), -entity.length(), entity.kind()); }

void sort_entities(text_entity_list& entities) {
  std::stable_sort(entities.pointer_begin(), entities.pointer_end(),
                   [](const TextEntity* a, const TextEntity* b) { return place_of(*a) < place_of(*b); });
  int kept = 0;
  for (int i = 0; i < entities.size(); ++i) {
    if (kept == 0 || place_of(entities.Get(kept - 1)) != place_of(entities.Get(i))) {
      entities.SwapElements(kept++, i);
    }
  }
  entities.DeleteSubrange(kept, entities.size() - kept);
}

/// Entities of a text as the client wrote it, of which `cut` units in front and all behind `units` are gone.
rpc_result<text_entity_list> take_entities(std::string_view whole, std::size_t cut, std::size_t units,
                                           const std::vector<tl::box<tl::MessageEntity>>& from,
                                           const people::people& people) {
  text_entity_list result;
  std::size_t texts_bytes = 0;
  const unit_map map(whole);
  for (const auto& given : from) {
    auto entity = given == nullptr ? std::nullopt : read_entity(*given);
    if (!entity) {
      continue;
    }
    const std::int64_t end = std::int64_t{entity->offset} + entity->length;
    if (entity->offset < 0 || entity->length < 0 || end > map.units() || map.splits(entity->offset) ||
        map.splits(end)) {
      return unexpected(rpc_error(rpc_errc::entity_bounds_invalid));
    }
    if (result.size() >= static_cast<int>(limits::message_entities_max)) {
      continue; // looked at for its bounds alone
    }
    const std::int64_t first = std::max<std::int64_t>(entity->offset - static_cast<std::int64_t>(cut), 0);
    const std::int64_t last = std::min(end - static_cast<std::int64_t>(cut), static_cast<std::int64_t>(units));
    if (first >= last) {
      continue;
    }
    const auto wanted = check_entity(*entity, people);
    if (!wanted) {
      return unexpected(wanted.error());
    }
    if (!*wanted) {
      continue;
    }
    texts_bytes += entity->text.size();
    if (texts_bytes > limits::entity_texts_bytes_max) {
      return unexpected(rpc_error(rpc_errc::entities_too_long));
    }
    TextEntity* kept = result.Add();
    kept->set_kind(static_cast<std::uint32_t>(entity->kind));
    kept->set_offset(static_cast<std::int32_t>(first));
    kept->set_length(static_cast<std::int32_t>(last - first));
    kept->set_text(std::move(entity->text));
    kept->set_number(entity->number);
    kept->set_collapsed(entity->collapsed);
  }
  return result;
}

template <class Entity>
tl::box<Entity> view_of(const TextEntity& from) {
  auto entity = tl::make<Entity>();
  entity->offset = from.offset();
  entity->length = from.length();
  return entity;
}

tl::box<tl::MessageEntity> entity_view(const TextEntity& from) {
  switch (static_cast<text_entity_kind>(from.kind())) {
  case text_entity_kind::mention: return view_of<tl::messageEntityMention>(from);
  case text_entity_kind::hashtag: return view_of<tl::messageEntityHashtag>(from);
  case text_entity_kind::bot_command: return view_of<tl::messageEntityBotCommand>(from);
  case text_entity_kind::url: return view_of<tl::messageEntityUrl>(from);
  case text_entity_kind::email: return view_of<tl::messageEntityEmail>(from);
  case text_entity_kind::bold: return view_of<tl::messageEntityBold>(from);
  case text_entity_kind::italic: return view_of<tl::messageEntityItalic>(from);
  case text_entity_kind::code: return view_of<tl::messageEntityCode>(from);
  case text_entity_kind::phone: return view_of<tl::messageEntityPhone>(from);
  case text_entity_kind::cashtag: return view_of<tl::messageEntityCashtag>(from);
  case text_entity_kind::underline: return view_of<tl::messageEntityUnderline>(from);
  case text_entity_kind::strike: return view_of<tl::messageEntityStrike>(from);
  case text_entity_kind::bank_card: return view_of<tl::messageEntityBankCard>(from);
  case text_entity_kind::spoiler: return view_of<tl::messageEntitySpoiler>(from);
  case text_entity_kind::pre: {
    auto entity = view_of<tl::messageEntityPre>(from);
    entity->language = from.text();
    return entity;
  }
  case text_entity_kind::text_url: {
    auto entity = view_of<tl::messageEntityTextUrl>(from);
    entity->url = from.text();
    return entity;
  }
  case text_entity_kind::mention_name: {
    auto entity = view_of<tl::messageEntityMentionName>(from);
    entity->user_id = from.number();
    return entity;
  }
  case text_entity_kind::custom_emoji: {
    auto entity = view_of<tl::messageEntityCustomEmoji>(from);
    entity->document_id = from.number();
    return entity;
  }
  case text_entity_kind::blockquote: {
    auto entity = view_of<tl::messageEntityBlockquote>(from);
    entity->collapsed = from.collapsed();
    return entity;
  }
  case text_entity_kind::unknown: break;
  }
  return nullptr;
}

} // namespace

std::size_t utf16_length(std::string_view text) {
  std::size_t units = 0;
  for (const char c : text) {
    units += (byte_of(c) & 0xC0) != 0x80;
    units += byte_of(c) >= 0xF0;
  }
  return units;
}

rpc_result<formatted_text> take_text(const std::string& text, const std::vector<tl::box<tl::MessageEntity>>& entities,
                                     const people::people& people) {
  const std::string_view whole = text;
  const std::size_t begin = leading_space(whole);
  const std::size_t end = begin + end_without_space(whole.substr(begin));
  const std::string_view kept = whole.substr(begin, end - begin);
  if (says_nothing(kept)) {
    return unexpected(rpc_error(rpc_errc::message_empty));
  }
  if (kept.size() > limits::message_characters_max && people::characters_of(kept) > limits::message_characters_max) {
    return unexpected(rpc_error(rpc_errc::message_too_long));
  }
  formatted_text result;
  if (!entities.empty()) {
    auto taken = take_entities(whole, utf16_length(whole.substr(0, begin)), utf16_length(kept), entities, people);
    if (!taken) {
      return unexpected(taken.error());
    }
    result.entities = std::move(*taken);
  }
  mark_text(kept, limits::message_entities_max, result.entities);
  sort_entities(result.entities);
  result.text = kept;
  return result;
}

rpc_result<formatted_text> take_draft_text(const std::string& text,
                                           const std::vector<tl::box<tl::MessageEntity>>& entities,
                                           const people::people& people) {
  if (text.size() > limits::message_characters_max && people::characters_of(text) > limits::message_characters_max) {
    return unexpected(rpc_error(rpc_errc::message_too_long));
  }
  formatted_text result;
  if (!entities.empty()) {
    auto taken = take_entities(text, 0, utf16_length(text), entities, people);
    if (!taken) {
      return unexpected(taken.error());
    }
    result.entities = std::move(*taken);
    sort_entities(result.entities);
  }
  result.text = text;
  return result;
}

std::vector<tl::box<tl::MessageEntity>> entity_views(const text_entity_list& entities, layer_t layer) {
  std::vector<tl::box<tl::MessageEntity>> views;
  views.reserve(static_cast<std::size_t>(entities.size()));
  for (const TextEntity& entity : entities) {
    if (auto view = entity_view(entity); view != nullptr && view->known_at(layer)) {
      views.push_back(std::move(view));
    }
  }
  return views;
}

} // namespace godwit::box
