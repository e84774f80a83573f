// Fields whose type changed between layers: the older form made out of the newest members, and taken into
// them. Nothing is lost on the way from the older form and back.

#include <charconv>

#include "protocol/tl/api/account.hpp"
#include "protocol/tl/api/dialog.hpp"
#include "protocol/tl/api/notify.hpp"
#include "protocol/tl/api/payments.hpp"
#include "protocol/tl/api/text.hpp"
#include "protocol/tl/api/user.hpp"
#include "protocol/tl/object.hpp"

namespace godwit::tl {
namespace {

box<textWithEntities> plain(std::string_view text) {
  auto made = make<textWithEntities>();
  made->text = text;
  return made;
}

} // namespace

// Titles of folders were text without formatting.
std::string dialogFilter::make_title_as_string() const { return title != nullptr ? title->text : ""; }
void dialogFilter::take_title_as_string(std::string_view value) { title = plain(value); }
std::string dialogFilterChatlist::make_title_as_string() const { return title != nullptr ? title->text : ""; }
void dialogFilterChatlist::take_title_as_string(std::string_view value) { title = plain(value); }

// Up to 139 a sound was a name: "default", nothing for silence, or a file of the device.
std::optional<std::string> inputPeerNotifySettings::make_sound_as_string() const {
  if (sound == nullptr) {
    return std::nullopt;
  }
  if (const auto* local = as<notificationSoundLocal>(sound)) {
    return local->data;
  }
  return as<notificationSoundNone>(sound) != nullptr ? "" : "default";
}

void inputPeerNotifySettings::take_sound_as_string(std::string_view value) {
  if (value == "default") {
    sound = make<notificationSoundDefault>();
  } else if (value.empty()) {
    sound = make<notificationSoundNone>();
  } else {
    auto local = make<notificationSoundLocal>();
    local->title = value;
    local->data = value;
    sound = std::move(local);
  }
}

// A balance was whole stars.
std::int64_t payments_starsStatus::make_balance_as_long() const {
  const auto* stars = as<starsAmount>(balance);
  return stars != nullptr ? stars->amount : 0;
}

void payments_starsStatus::take_balance_as_long(std::int64_t value) {
  auto stars = make<starsAmount>();
  stars->amount = value;
  balance = std::move(stars);
}

// Up to 216 of the newest story there was the id alone.
std::optional<std::int32_t> user::make_stories_max_id_as_int() const {
  return stories_max_id != nullptr ? stories_max_id->max_id : std::nullopt;
}

void user::take_stories_max_id_as_int(std::int32_t value) {
  stories_max_id = make<recentStory>();
  stories_max_id->max_id = value;
}

// At 166 a colour was its number, without an emoji behind.
std::optional<std::int32_t> user::make_color_as_int() const {
  const auto* number = as<peerColor>(color);
  return number != nullptr ? number->color : std::nullopt;
}

void user::take_color_as_int(std::int32_t value) {
  auto number = make<peerColor>();
  number->color = value;
  color = std::move(number);
}

// At 214 the place where the next page begins was a number. What is no number begins at 0.
std::optional<std::int32_t> account_chatThemes::make_next_offset_as_int() const {
  if (!next_offset) {
    return std::nullopt;
  }
  std::int32_t number = 0;
  (void)std::from_chars(next_offset->data(), next_offset->data() + next_offset->size(), number);
  return number;
}

void account_chatThemes::take_next_offset_as_int(std::int32_t value) { next_offset = std::to_string(value); }

} // namespace godwit::tl
