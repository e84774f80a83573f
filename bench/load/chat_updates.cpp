#include "bench/load/chat_updates.hpp"

#include <utility>

#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/updates.hpp"
#include "protocol/tl/api/user.hpp"
#include "protocol/tl/reader.hpp"

namespace godwit::bench {
namespace {

void add_message(heard& found, const tl::object* what, std::int32_t pts) {
  if (const auto* text = tl::as<tl::message>(what)) {
    found.messages.push_back({text->id, text->out, pts, text->message_});
  } else if (pts != 0) {
    found.other_pts.push_back(pts);
  }
}

void add_messages(heard& found, const std::vector<tl::box<tl::Message>>& list) {
  for (const auto& each : list) {
    add_message(found, each.get(), 0);
  }
}

void add_update(heard& found, const tl::object* what) {
  switch (what->kind()) {
  case tl::updateMessageID::kind_id: found.sent_id = tl::as<tl::updateMessageID>(what)->id; break;
  case tl::updateNewMessage::kind_id: {
    const auto* made = tl::as<tl::updateNewMessage>(what);
    add_message(found, made->message.get(), made->pts);
    break;
  }
  case tl::updateEditMessage::kind_id: found.other_pts.push_back(tl::as<tl::updateEditMessage>(what)->pts); break;
  case tl::updateReadHistoryInbox::kind_id:
    found.other_pts.push_back(tl::as<tl::updateReadHistoryInbox>(what)->pts);
    break;
  case tl::updateReadHistoryOutbox::kind_id:
    found.other_pts.push_back(tl::as<tl::updateReadHistoryOutbox>(what)->pts);
    break;
  default: break;
  }
}

void add_updates(heard& found, const std::vector<tl::box<tl::Update>>& list) {
  for (const auto& each : list) {
    add_update(found, each.get());
  }
}

void add_short(heard& found, const tl::object* what) {
  if (const auto* text = tl::as<tl::updateShortMessage>(what)) {
    found.messages.push_back({text->id, text->out, text->pts, text->message});
  } else if (const auto* sent = tl::as<tl::updateShortSentMessage>(what)) {
    found.sent_id = sent->id;
    found.sent_pts = sent->pts;
  } else if (const auto* one = tl::as<tl::updateShort>(what)) {
    add_update(found, one->update.get());
  }
}

} // namespace

heard read_updates(std::span<const std::uint8_t> bytes) {
  heard found;
  tl::reader in(bytes);
  auto what = tl::Updates::fetch(in);
  if (what == nullptr || !in.ok()) {
    found.broken = true;
    return found;
  }
  if (const auto* all = tl::as<tl::updates>(what)) {
    add_updates(found, all->updates_);
  } else if (const auto* combined = tl::as<tl::updatesCombined>(what)) {
    add_updates(found, combined->updates);
  } else if (what->kind() == tl::updatesTooLong::kind_id) {
    found.too_long = true;
  } else {
    add_short(found, what.get());
  }
  if (found.sent_id != 0 && found.sent_pts == 0 && !found.messages.empty()) {
    found.sent_pts = found.messages.front().pts;
  }
  found.owner = std::move(what);
  return found;
}

heard read_difference(std::span<const std::uint8_t> bytes) {
  heard found;
  tl::reader in(bytes);
  auto what = tl::updates_Difference::fetch(in);
  if (what == nullptr || !in.ok() || what->kind() == tl::updates_differenceTooLong::kind_id) {
    found.broken = true;
    return found;
  }
  if (const auto* whole = tl::as<tl::updates_difference>(what)) {
    add_messages(found, whole->new_messages);
    add_updates(found, whole->other_updates);
    found.state_pts = whole->state->pts;
  } else if (const auto* slice = tl::as<tl::updates_differenceSlice>(what)) {
    add_messages(found, slice->new_messages);
    add_updates(found, slice->other_updates);
    found.state_pts = slice->intermediate_state->pts;
    found.is_slice = true;
  }
  found.owner = std::move(what);
  return found;
}

heard read_history_page(std::span<const std::uint8_t> bytes) {
  heard found;
  tl::reader in(bytes);
  auto what = tl::messages_Messages::fetch(in);
  if (what == nullptr || !in.ok()) {
    found.broken = true;
    return found;
  }
  if (const auto* all = tl::as<tl::messages_messages>(what)) {
    add_messages(found, all->messages);
  } else if (const auto* slice = tl::as<tl::messages_messagesSlice>(what)) {
    add_messages(found, slice->messages);
  } else {
    found.broken = true;
  }
  found.owner = std::move(what);
  return found;
}

} // namespace godwit::bench
