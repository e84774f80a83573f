#include "tests/actors/box/model_client.hpp"

#include <algorithm>

#include "protocol/tl/api/dialog.hpp"
#include "protocol/tl/api/notify.hpp"
#include "protocol/tl/api/text.hpp"
#include "protocol/tl/api/updates_fn.hpp"

namespace godwit::box::testing {

void model_client::take(const tl::box<tl::Message>& what, bool fresh) {
  message_id id = 0;
  kept made;
  const auto fill = [&](const auto& message) {
    id = message.id;
    made.peer = tl::as<tl::peerUser>(message.peer_id)->user_id;
    made.out = message.out;
  };
  if (const auto* message = tl::as<tl::message>(what)) {
    fill(*message);
    made.text = message->message_;
    made.pinned = message->pinned;
  } else {
    ASSERT_NE(tl::as<tl::messageService>(what), nullptr);
    fill(*tl::as<tl::messageService>(what));
  }
  ASSERT_TRUE(users.contains(made.peer)) << made.peer;
  if (fresh && !messages.contains(id) && !made.out && id > read_inbox[made.peer]) {
    ++unread[made.peer];
  }
  messages[id] = made;
}

void model_client::forget(const std::vector<message_id>& ids) {
  for (const message_id id : ids) {
    const auto found = messages.find(id);
    if (found == messages.end()) {
      continue;
    }
    if (!found->second.out && id > read_inbox[found->second.peer]) {
      --unread[found->second.peer];
    }
    messages.erase(found);
  }
}

std::pair<std::int32_t, std::int32_t> model_client::take(const tl::box<tl::Update>& what) {
  if (const auto* fresh = tl::as<tl::updateNewMessage>(what)) {
    take(fresh->message, true);
    return {fresh->pts, fresh->pts_count};
  }
  if (const auto* edit = tl::as<tl::updateEditMessage>(what)) {
    take(edit->message, false);
    return {edit->pts, edit->pts_count};
  }
  if (const auto* deleted = tl::as<tl::updateDeleteMessages>(what)) {
    forget(deleted->messages);
    return {deleted->pts, deleted->pts_count};
  }
  if (const auto* read = tl::as<tl::updateReadHistoryInbox>(what)) {
    const std::int64_t peer = tl::as<tl::peerUser>(read->peer)->user_id;
    unread[peer] = read->still_unread_count;
    read_inbox[peer] = read->max_id;
    return {read->pts, read->pts_count};
  }
  if (const auto* seen = tl::as<tl::updateReadHistoryOutbox>(what)) {
    read_outbox[tl::as<tl::peerUser>(seen->peer)->user_id] = seen->max_id;
    return {seen->pts, seen->pts_count};
  }
  if (const auto* pins = tl::as<tl::updatePinnedMessages>(what)) {
    for (const message_id id : pins->messages) {
      if (const auto found = messages.find(id); found != messages.end()) {
        found->second.pinned = pins->pinned;
      }
    }
    return {pins->pts, pins->pts_count};
  }
  return {0, 0};
}

void model_client::take_push(const tl::updates& what) {
  introduce(what.users);
  for (const auto& each : what.updates_) {
    const auto [its, count] = take(each);
    if (its != 0) {
      ASSERT_EQ(its - count, pts) << "a gap or a repetition";
      pts = its;
    }
  }
}

bool ask_difference(box_world& world, std::int64_t who, model_client& client, layer_t layer, std::int32_t pts_limit) {
  using get_difference = tl::fn::updates_getDifference;
  get_difference call;
  call.pts = client.pts;
  call.date = client.date;
  if (pts_limit != 0) {
    call.pts_limit = pts_limit;
  }
  const std::uint64_t ticket = world.start(who, call, layer);
  while (world.answer(ticket) == nullptr && world.step()) {
  }
  const entity::entity_answer* answer = world.answer(ticket);
  if (answer == nullptr || !answer->body) {
    ADD_FAILURE() << "no difference";
    return false;
  }
  tl::reader in(*answer->body);
  const auto difference = get_difference::fetch_result(in, layer);
  EXPECT_TRUE(in.finish());
  ++client.answers;
  bool more = false;
  if (const auto* last = tl::as<tl::updates_difference>(difference)) {
    client.take_parts(*last);
    client.pts = last->state->pts;
    client.date = last->state->date;
  } else if (const auto* slice = tl::as<tl::updates_differenceSlice>(difference)) {
    client.take_parts(*slice);
    EXPECT_GT(slice->intermediate_state->pts, client.pts);
    client.pts = slice->intermediate_state->pts;
    client.date = slice->intermediate_state->date;
    more = true;
  } else {
    EXPECT_NE(tl::as<tl::updates_differenceEmpty>(difference), nullptr);
  }
  EXPECT_EQ(answer->pts, client.pts);
  return more;
}

std::map<message_id, model_client::kept> messages_of(const box_world& world, std::int64_t who) {
  std::map<message_id, model_client::kept> all;
  for (const auto& [key, value] : world.table(who, records_table::message)) {
    const auto place = *read_message_key(key);
    persistence::records::Message message;
    message.ParseFromString(value);
    all[place.id] = {place.peer.value(), message.text(), message.out(), message.pinned()};
  }
  return all;
}

} // namespace godwit::box::testing
