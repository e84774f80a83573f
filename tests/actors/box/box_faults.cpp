#include <algorithm>

#include "tests/actors/box/box_world.hpp"

namespace godwit::box::testing {
namespace {

using persistence::records::Dialog;
using persistence::records::Message;
using row_table = std::map<std::string, std::string>;

template <class Record>
Record parsed(const std::string& bytes) {
  Record record;
  record.ParseFromString(bytes);
  return record;
}

/// What the messages of one dialog say about it.
struct counted {
  message_id top = 0;
  std::int32_t messages = 0;
  std::int32_t unread = 0;
  std::int32_t pinned = 0;
};

class checker {
public:
  void expect(bool right, const std::string& what) {
    if (!right) {
      found += what + "\n";
    }
  }
  void expect_equal(std::int64_t is, std::int64_t should_be, const std::string& what) {
    expect(is == should_be, what + " is " + std::to_string(is) + ", should be " + std::to_string(should_be));
  }
  std::string found;
};

void check_updates(const row_table& updates, const persistence::records::UserBox& box, checker& check) {
  std::int32_t pts = 1;
  std::int32_t beside = 0;
  for (const auto& [key, value] : updates) {
    const auto place = read_update_key(key);
    if (!place) {
      check.expect(false, "the key of an update cannot be read");
      continue;
    }
    const auto update = parsed<persistence::records::Update>(value);
    if (place->beside != 0) {
      beside = place->pts == pts ? beside + 1 : 1;
      check.expect_equal(place->pts, pts, "the pts of an update beside it");
      check.expect_equal(place->beside, beside, "the number of an update beside pts " + std::to_string(pts));
      continue;
    }
    pts += update.count();
    beside = 0;
    check.expect_equal(place->pts, pts, "a pts");
    check.expect(update.count() >= 1, "an update without a count");
  }
  check.expect_equal(box.pts(), pts, "the pts of the box");
  check.expect_equal(box.updates_beside(), beside, "updates_beside");
}

void check_dialogs(const row_table& dialogs, const row_table& order, std::map<std::int64_t, counted> from_messages,
                   const persistence::records::UserBox& box, checker& check) {
  std::int32_t listed = 0;
  std::int32_t unread = 0;
  for (const auto& [key, value] : dialogs) {
    const user_id peer = read_peer_key(key).value_or(user_id{});
    const auto dialog = parsed<Dialog>(value);
    const counted should_be = from_messages[peer.value()];
    from_messages.erase(peer.value());
    const std::string of = " of dialog " + std::to_string(peer.value());
    check.expect_equal(dialog.top_message(), should_be.top, "top_message" + of);
    check.expect_equal(dialog.messages(), should_be.messages, "messages" + of);
    check.expect_equal(dialog.unread(), should_be.unread, "unread" + of);
    check.expect_equal(dialog.pinned_messages(), should_be.pinned, "pinned_messages" + of);
    const bool in_list = dialog.top_message() != 0;
    listed += in_list ? 1 : 0;
    unread += dialog.unread();
    check.expect(!in_list || order.contains(order_key(dialog.top_message(), peer)), "no place in the order" + of);
  }
  for (const auto& [peer, each] : from_messages) {
    check.expect(each.messages == 0, "messages without dialog " + std::to_string(peer));
  }
  check.expect_equal(static_cast<std::int64_t>(order.size()), listed, "rows of the order");
  check.expect_equal(box.dialogs(), listed, "dialogs of the box");
  check.expect_equal(box.unread(), unread, "unread of the box");
}

} // namespace

std::string box_world::faults(std::int64_t who) const {
  checker check;
  const auto box = row<persistence::records::UserBox>(who, records_table::user_box, {}).value();
  const row_table dialogs = table(who, records_table::dialog);
  const row_table origins = table(who, records_table::message_origin);
  const row_table pinned = table(who, records_table::message_pinned);
  row_table places = table(who, records_table::message_place);
  std::map<std::int64_t, counted> counts;
  for (const auto& [key, value] : table(who, records_table::message)) {
    const message_place at = read_message_key(key).value_or(message_place{});
    const auto message = parsed<Message>(value);
    const std::string name = "message " + std::to_string(at.id);
    counted& of = counts[at.peer.value()];
    of.top = std::max(of.top, at.id);
    ++of.messages;
    const auto dialog = row<Dialog>(who, records_table::dialog, peer_key(at.peer));
    of.unread += !message.out() && dialog && at.id > dialog->read_inbox_max_id() ? 1 : 0;
    of.pinned += message.pinned() ? 1 : 0;
    check.expect(message.pinned() == pinned.contains(key), name + ": pinned and its row differ");
    check.expect(at.id >= 1 && at.id <= box.last_message_id(), name + " is beyond the box");
    const auto place = places.find(place_key(at.id));
    check.expect(place != places.end() &&
                   parsed<persistence::records::MessagePlace>(place->second).peer() == at.peer.value(),
                 name + " is not in its place");
    if (place != places.end()) {
      places.erase(place);
    }
    if (message.origin_id() != 0) {
      const auto origin = origins.find(message_key(at.peer, message.origin_id()));
      check.expect(!message.out(), name + " has an origin and is one's own");
      check.expect(origin != origins.end() && parsed<persistence::records::MessageOrigin>(origin->second).id() == at.id,
                   name + " is not found by its origin");
    }
  }
  check.expect(places.empty(), "places of messages that are not there");
  for (const auto& [key, value] : pinned) {
    const message_place at = read_message_key(key).value_or(message_place{});
    check.expect(message(who, at.peer.value(), at.id).has_value(), "a pinned message that is not there");
  }
  check_updates(table(who, records_table::update), box, check);
  check_dialogs(dialogs, table(who, records_table::dialog_order), std::move(counts), box, check);
  return check.found;
}

} // namespace godwit::box::testing
