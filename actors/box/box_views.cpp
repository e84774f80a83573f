#include "actors/box/box_views.hpp"

#include <algorithm>
#include <utility>

#include "actors/box/text_entities.hpp"
#include "actors/people/card_book.hpp"
#include "protocol/tl/api/dialog.hpp"
#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/notify.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/text.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/user.hpp"

namespace godwit::box {
namespace {

using persistence::records::Draft;
using persistence::records::Forward;
using persistence::records::NotifySettings;
using persistence::records::ReplyTo;

/// Where the API's layers begin that tell of quotes, and of replies to what is not in the box.
constexpr layer_t layer_of_quotes = 166;
/// Where sounds stopped being the name of a file.
constexpr layer_t layer_of_sounds = 140;

tl::box<tl::messageFwdHeader> forward_view(const Forward& forward) {
  auto header = tl::make<tl::messageFwdHeader>();
  if (forward.from() != 0) {
    header->from_id = peer_view(user_id{forward.from()});
  } else {
    header->from_name = forward.from_name();
  }
  header->date = forward.date();
  if (forward.saved_from() != 0) {
    header->saved_from_peer = peer_view(user_id{forward.saved_from()});
    header->saved_from_msg_id = forward.saved_id();
  }
  return header;
}

/// Null: nothing can be said of it at this layer.
tl::box<tl::MessageReplyHeader> reply_view(const ReplyTo& reply, layer_t layer) {
  const bool elsewhere = reply.from() != 0 || !reply.from_name().empty();
  if (reply.id() == 0 && (layer < layer_of_quotes || (!elsewhere && !reply.has_quote()))) {
    return nullptr;
  }
  auto header = tl::make<tl::messageReplyHeader>();
  if (reply.id() != 0) {
    header->reply_to_msg_id = reply.id();
  }
  if (elsewhere) {
    header->reply_from = tl::make<tl::messageFwdHeader>();
    if (reply.from() != 0) {
      header->reply_from->from_id = peer_view(user_id{reply.from()});
    } else {
      header->reply_from->from_name = reply.from_name();
    }
    header->reply_from->date = reply.date();
  }
  if (reply.has_quote()) {
    header->quote = true;
    header->quote_text = reply.quote();
    if (reply.quote_entity_size() != 0) {
      header->quote_entities = entity_views(reply.quote_entity(), layer);
    }
    header->quote_offset = reply.quote_offset();
  }
  return header;
}

tl::box<tl::MessageAction> action_view(const persistence::records::Action& action) {
  switch (action.what_case()) {
  case persistence::records::Action::kPinMessage: return tl::make<tl::messageActionPinMessage>();
  case persistence::records::Action::kContactSignUp: return tl::make<tl::messageActionContactSignUp>();
  case persistence::records::Action::kHistoryClear: return tl::make<tl::messageActionHistoryClear>();
  case persistence::records::Action::kScreenshotTaken: return tl::make<tl::messageActionScreenshotTaken>();
  case persistence::records::Action::WHAT_NOT_SET: break;
  }
  return tl::make<tl::messageActionEmpty>();
}

tl::box<tl::Message> service_view(user_id author, user_id peer, message_id id, const Message& message, layer_t layer) {
  auto view = tl::make<tl::messageService>();
  view->out = message.out();
  view->silent = message.silent();
  view->id = id;
  view->from_id = peer_view(author);
  view->peer_id = peer_view(peer);
  if (message.has_reply_to()) {
    view->reply_to = reply_view(message.reply_to(), layer);
  }
  view->date = message.date();
  view->action = action_view(message.action());
  return view;
}

tl::box<tl::NotificationSound> sound_view(const NotifySettings& settings) {
  if (settings.sound() == 0 && settings.sound_title().empty()) {
    return tl::make<tl::notificationSoundNone>();
  }
  if (!settings.sound_title().empty()) {
    auto local = tl::make<tl::notificationSoundLocal>();
    local->title = settings.sound_title();
    local->data = settings.sound_data();
    return local;
  }
  auto ringtone = tl::make<tl::notificationSoundRingtone>();
  ringtone->id = settings.sound();
  return ringtone;
}

/// Calls `take` with the number of each account that a message names, some of them 0 or named twice.
template <class Take>
void for_each_person(const Message& message, user_id peer, const Take& take) {
  take(peer.value());
  if (message.has_forward()) {
    take(message.forward().from());
    take(message.forward().saved_from());
  }
  const auto take_mentions = [&](const text_entity_list& entities) {
    for (const persistence::records::TextEntity& entity : entities) {
      if (entity.kind() == static_cast<std::uint32_t>(text_entity_kind::mention_name)) {
        take(entity.number());
      }
    }
  };
  take_mentions(message.entity());
  if (message.has_reply_to()) {
    take(message.reply_to().from());
    take_mentions(message.reply_to().quote_entity());
  }
}

/// What a view takes beside what its row says: constructors, flags, peers.
constexpr std::size_t view_bytes = 256;
/// How much longer on the wire is what a row says in few bytes: entities above all.
constexpr std::size_t row_factor = 3;

} // namespace

user_id saved_dialog(user_id self, const Message& message) {
  if (message.forward().saved_from() != 0) {
    return user_id{message.forward().saved_from()};
  }
  return message.forward().from() != 0 ? user_id{message.forward().from()} : self;
}

tl::box<tl::Message> message_view(user_id self, user_id peer, message_id id, const Message& message, layer_t layer) {
  const user_id author = message.out() ? self : peer;
  if (message.has_action()) {
    return service_view(author, peer, id, message, layer);
  }
  auto view = tl::make<tl::message>();
  view->out = message.out();
  view->silent = message.silent();
  view->edit_hide = message.edit_hide();
  view->pinned = message.pinned();
  view->noforwards = message.noforwards();
  view->invert_media = message.invert_media();
  view->id = id;
  // Every client takes the author of a private message from here when it is there, and few work it out otherwise.
  view->from_id = peer_view(author);
  view->peer_id = peer_view(peer);
  if (peer == self) {
    view->saved_peer_id = peer_view(saved_dialog(self, message));
  }
  if (message.has_forward()) {
    view->fwd_from = forward_view(message.forward());
  }
  if (message.has_reply_to()) {
    view->reply_to = reply_view(message.reply_to(), layer);
  }
  view->date = message.date();
  view->message_ = message.text();
  if (message.entity_size() != 0) {
    view->entities = entity_views(message.entity(), layer);
  }
  if (message.edit_date() != 0) {
    view->edit_date = message.edit_date();
  }
  return view;
}

tl::box<tl::dialog> dialog_view(user_id peer, const Dialog& dialog, bool pinned, const NotifySettings& notify,
                                const std::optional<Draft>& draft, layer_t layer) {
  auto view = tl::make<tl::dialog>();
  view->pinned = pinned;
  view->unread_mark = dialog.unread_mark();
  view->peer = peer_view(peer);
  view->top_message = dialog.top_message();
  view->read_inbox_max_id = dialog.read_inbox_max_id();
  view->read_outbox_max_id = dialog.read_outbox_max_id();
  view->unread_count = dialog.unread();
  view->notify_settings = notify_view(notify, layer);
  if (draft) {
    view->draft = draft_view(*draft, layer);
  }
  return view;
}

tl::box<tl::DraftMessage> draft_view(const Draft& draft, layer_t layer) {
  const ReplyTo& reply = draft.reply_to();
  if (draft.text().empty() && reply.id() == 0) {
    auto empty = tl::make<tl::draftMessageEmpty>();
    if (draft.date() != 0) {
      empty->date = draft.date();
    }
    return empty;
  }
  auto view = tl::make<tl::draftMessage>();
  view->no_webpage = draft.no_webpage();
  view->invert_media = draft.invert_media();
  view->message = draft.text();
  if (draft.entity_size() != 0) {
    view->entities = entity_views(draft.entity(), layer);
  }
  view->date = draft.date();
  if (reply.id() != 0 && layer < layer_of_quotes) {
    view->reply_to_msg_id = reply.id();
  } else if (reply.id() != 0) {
    view->reply_to = tl::make<tl::inputReplyToMessage>();
    view->reply_to->reply_to_msg_id = reply.id();
    if (reply.has_quote()) {
      view->reply_to->quote_text = reply.quote();
      if (reply.quote_entity_size() != 0) {
        view->reply_to->quote_entities = entity_views(reply.quote_entity(), layer);
      }
      view->reply_to->quote_offset = reply.quote_offset();
    }
  }
  return view;
}

tl::box<tl::peerNotifySettings> notify_view(const NotifySettings& settings, layer_t layer) {
  auto view = tl::make<tl::peerNotifySettings>();
  if (settings.has_show_previews()) {
    view->show_previews = settings.show_previews();
  }
  if (settings.has_silent()) {
    view->silent = settings.silent();
  }
  if (settings.has_mute_until()) {
    view->mute_until = settings.mute_until();
  }
  if (settings.has_stories_muted()) {
    view->stories_muted = settings.stories_muted();
  }
  if (settings.has_stories_hide_sender()) {
    view->stories_hide_sender = settings.stories_hide_sender();
  }
  if (!settings.has_sound()) {
    return view;
  }
  if (layer < layer_of_sounds) {
    const bool none = settings.sound() == 0 && settings.sound_title().empty();
    view->sound = none ? std::string() : settings.sound_title().empty() ? "default" : settings.sound_title();
    return view;
  }
  // One sound was set; which sort of device asks is not known here.
  view->ios_sound = sound_view(settings);
  view->android_sound = sound_view(settings);
  view->other_sound = sound_view(settings);
  return view;
}

void people_list::add(user_id who) {
  if (who.value() > 0 && known_.insert(who.value()).second) {
    list_.push_back(who);
  }
}

void people_list::add(const Message& message, user_id peer) {
  for_each_person(message, peer, [this](std::int64_t who) { add(user_id{who}); });
}

void add_people(const Message& message, user_id peer, std::vector<user_id>& whom) {
  for_each_person(message, peer, [&](std::int64_t who) {
    if (who > 0 && std::find(whom.begin(), whom.end(), user_id{who}) == whom.end()) {
      whom.push_back(user_id{who});
    }
  });
}

std::size_t wire_bytes(const Message& message) {
  return view_bytes + row_factor * message.ByteSizeLong() - (row_factor - 1) * message.text().size();
}

std::size_t wire_bytes(const Draft& draft) {
  return view_bytes + row_factor * draft.ByteSizeLong() - (row_factor - 1) * draft.text().size();
}

tl::box<tl::updates> updates_with(std::vector<tl::box<tl::Update>> list, const std::vector<user_id>& whom,
                                  const box_core& core, unix_time now) {
  auto view = tl::make<tl::updates>();
  const people::account_core& account = core.account;
  for (const user_id who : whom) {
    const bool known = who == account.self || who == people::service_user || who.value() <= 0 ||
                       (core.people.relation(who) != nullptr && account.options.cards->find(who) != nullptr);
    if (!known) {
      return nullptr;
    }
  }
  view->updates_ = std::move(list);
  core.people.add_views(view->users, whom, now);
  view->date = now;
  return view;
}

} // namespace godwit::box
