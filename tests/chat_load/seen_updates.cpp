#include "tests/chat_load/seen_updates.hpp"

#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/updates.hpp"
#include "protocol/tl/api/user.hpp"

namespace godwit::chat_load {
namespace {

using kind = seen_update::kind;

const char* name_of(kind what) {
  switch (what) {
  case kind::new_message: return "new";
  case kind::edit: return "edit";
  case kind::remove: return "delete";
  case kind::read_inbox: return "read_inbox";
  case kind::read_outbox: return "read_outbox";
  case kind::pinned: return "pinned";
  case kind::other: break;
  }
  return "other";
}

std::int32_t replied_id(const tl::MessageReplyHeader* header) {
  const auto* reply = header != nullptr ? tl::as<tl::messageReplyHeader>(header) : nullptr;
  const bool here = reply != nullptr && reply->reply_to_peer_id == nullptr;
  return here ? reply->reply_to_msg_id.value_or(0) : 0;
}

std::int64_t author(const tl::Peer* from, const seen_message& what, std::int64_t self) {
  if (const std::int64_t named = user_of(from); named != 0) {
    return named;
  }
  return what.out ? self : what.peer;
}

template <class T>
seen_update with_pts(kind what, const T& update) {
  seen_update made;
  made.what = what;
  made.pts = update.pts;
  made.pts_count = update.pts_count;
  return made;
}

template <class T>
std::optional<seen_update> with_message(kind what, const T& update, std::int64_t self) {
  seen_update made = with_pts(what, update);
  if (update.message != nullptr) {
    if (auto message = see(*update.message, self)) {
      made.message = std::move(*message);
    }
  }
  return made;
}

std::optional<seen_update> other(const tl::Update& what) {
  if (const auto* contents = tl::as<tl::updateReadMessagesContents>(&what)) {
    seen_update made = with_pts(kind::other, *contents);
    made.name = "updateReadMessagesContents";
    return made;
  }
  return std::nullopt;
}

template <class Users>
void note_users(const Users& users, seen_updates& made) {
  for (const auto& each : users) {
    const auto* user = tl::as<tl::user>(each.get());
    if (user != nullptr && user->access_hash && !user->min) {
      made.access_hashes.emplace_back(user->id, *user->access_hash);
    }
  }
}

template <class List>
void note_updates(const List& list, std::int64_t self, seen_updates& made) {
  for (const auto& each : list) {
    if (const auto* id = tl::as<tl::updateMessageID>(each.get())) {
      made.sent_ids.emplace_back(id->random_id, id->id);
    } else if (each != nullptr) {
      if (auto update = see(*each, self)) {
        made.updates.push_back(std::move(*update));
      }
    }
  }
}

seen_update short_message(const tl::updateShortMessage& what, std::int64_t self) {
  seen_update made = with_pts(kind::new_message, what);
  seen_message& message = made.message;
  message.id = what.id;
  message.peer = what.user_id;
  message.out = what.out;
  message.from = what.out ? self : what.user_id;
  message.date = what.date;
  message.text = what.message;
  message.forward = what.fwd_from != nullptr;
  message.reply_to = replied_id(what.reply_to.get());
  return made;
}

template <class Difference>
void note_difference(const Difference& what, const tl::updates_state& state, std::int64_t self, seen_difference& made) {
  for (const auto& each : what.new_messages) {
    if (each != nullptr) {
      if (auto message = see(*each, self)) {
        made.messages.push_back(std::move(*message));
      }
    }
  }
  note_users(what.users, made.others);
  note_updates(what.other_updates, self, made.others);
  made.pts = state.pts;
  made.qts = state.qts;
  made.date = state.date;
}

} // namespace

std::int64_t user_of(const tl::Peer* peer) {
  const auto* user = peer != nullptr ? tl::as<tl::peerUser>(peer) : nullptr;
  return user != nullptr ? user->user_id : 0;
}

json_object seen_message::json() const {
  json_object made;
  made.number("id", id).number("peer", peer).number("from", from).flag("out", out).number("date", date);
  if (service.empty()) {
    made.text("text", text);
  } else {
    made.text("service", service);
  }
  if (reply_to != 0) {
    made.number("reply_to", reply_to);
  }
  if (edit_date != 0) {
    made.number("edit_date", edit_date);
  }
  return made.flag("forward", forward).flag("pinned", pinned);
}

json_object seen_update::json() const {
  json_object made;
  made.text("kind", name_of(what)).number("pts", pts).number("pts_count", pts_count);
  switch (what) {
  case kind::new_message:
  case kind::edit: made.json("message", message.json().str()); break;
  case kind::remove: made.json("ids", json_list(ids)); break;
  case kind::read_inbox: made.number("peer", peer).number("max_id", max_id).number("unread", unread); break;
  case kind::read_outbox: made.number("peer", peer).number("max_id", max_id); break;
  case kind::pinned: made.number("peer", peer).json("ids", json_list(ids)).boolean("on", on); break;
  case kind::other: made.text("name", name); break;
  }
  return made;
}

std::optional<seen_message> see(const tl::Message& what, std::int64_t self) {
  seen_message made;
  if (const auto* message = tl::as<tl::message>(&what)) {
    made.id = message->id;
    made.peer = user_of(message->peer_id.get());
    made.out = message->out;
    made.from = author(message->from_id.get(), made, self);
    made.date = message->date;
    made.text = message->message_;
    made.reply_to = replied_id(message->reply_to.get());
    made.edit_date = message->edit_date.value_or(0);
    made.forward = message->fwd_from != nullptr;
    made.pinned = message->pinned;
    return made;
  }
  if (const auto* service = tl::as<tl::messageService>(&what)) {
    made.id = service->id;
    made.peer = user_of(service->peer_id.get());
    made.out = service->out;
    made.from = author(service->from_id.get(), made, self);
    made.date = service->date;
    made.reply_to = replied_id(service->reply_to.get());
    made.service = tl::as<tl::messageActionPinMessage>(service->action.get()) != nullptr ? "pin_message" : "other";
    return made;
  }
  return std::nullopt;
}

std::optional<seen_update> see(const tl::Update& what, std::int64_t self) {
  if (const auto* message = tl::as<tl::updateNewMessage>(&what)) {
    return with_message(kind::new_message, *message, self);
  }
  if (const auto* edit = tl::as<tl::updateEditMessage>(&what)) {
    return with_message(kind::edit, *edit, self);
  }
  if (const auto* removed = tl::as<tl::updateDeleteMessages>(&what)) {
    seen_update made = with_pts(kind::remove, *removed);
    made.ids = removed->messages;
    return made;
  }
  if (const auto* inbox = tl::as<tl::updateReadHistoryInbox>(&what)) {
    seen_update made = with_pts(kind::read_inbox, *inbox);
    made.peer = user_of(inbox->peer.get());
    made.max_id = inbox->max_id;
    made.unread = inbox->still_unread_count;
    return made;
  }
  if (const auto* outbox = tl::as<tl::updateReadHistoryOutbox>(&what)) {
    seen_update made = with_pts(kind::read_outbox, *outbox);
    made.peer = user_of(outbox->peer.get());
    made.max_id = outbox->max_id;
    return made;
  }
  if (const auto* pinned = tl::as<tl::updatePinnedMessages>(&what)) {
    seen_update made = with_pts(kind::pinned, *pinned);
    made.peer = user_of(pinned->peer.get());
    made.ids = pinned->messages;
    made.on = pinned->pinned;
    return made;
  }
  return other(what);
}

seen_updates see(const tl::Updates& what, std::int64_t self) {
  seen_updates made;
  if (const auto* many = tl::as<tl::updates>(&what)) {
    note_users(many->users, made);
    note_updates(many->updates_, self, made);
  } else if (const auto* combined = tl::as<tl::updatesCombined>(&what)) {
    note_users(combined->users, made);
    note_updates(combined->updates, self, made);
  } else if (const auto* one = tl::as<tl::updateShort>(&what)) {
    if (one->update != nullptr) {
      if (auto update = see(*one->update, self)) {
        made.updates.push_back(std::move(*update));
      }
    }
  } else if (const auto* message = tl::as<tl::updateShortMessage>(&what)) {
    made.updates.push_back(short_message(*message, self));
  } else if (const auto* sent = tl::as<tl::updateShortSentMessage>(&what)) {
    made.sent = {sent->id, sent->pts, sent->pts_count, sent->date};
  } else if (tl::as<tl::updatesTooLong>(&what) != nullptr) {
    made.too_long = true;
  }
  return made;
}

seen_difference see(const tl::updates_Difference& what, std::int64_t self) {
  seen_difference made;
  if (const auto* whole = tl::as<tl::updates_difference>(&what)) {
    note_difference(*whole, *whole->state, self, made);
  } else if (const auto* slice = tl::as<tl::updates_differenceSlice>(&what)) {
    made.slice = true;
    note_difference(*slice, *slice->intermediate_state, self, made);
  } else if (const auto* far = tl::as<tl::updates_differenceTooLong>(&what)) {
    made.too_long = true;
    made.pts = far->pts;
  } else {
    made.empty = true;
  }
  return made;
}

json_object seen_difference::json(double asked, std::int32_t from) const {
  std::vector<std::string> texts;
  for (const seen_message& each : messages) {
    texts.push_back(each.json().str());
  }
  std::vector<std::string> updates;
  for (const seen_update& each : others.updates) {
    updates.push_back(each.json().str());
  }
  json_object made;
  made.seconds("asked", asked).number("from", from).number("to", empty ? from : pts);
  made.json("messages", json_list(texts)).json("updates", json_list(updates)).flag("slice", slice);
  return made.flag("too_long", too_long);
}

} // namespace godwit::chat_load
