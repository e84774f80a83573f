#include "tests/actors/box/row_author.hpp"

#include <algorithm>

namespace godwit::box::testing {

using persistence::records::Dialog;
using persistence::records::Message;
using persistence::records::Update;

Dialog row_author::dialog(std::int64_t peer) { return world_.dialog(who_, peer).value_or(Dialog()); }

void row_author::put(std::int64_t peer, const Dialog& to) {
  auto& rows = world_.rows(who_);
  const Dialog from = dialog(peer);
  if (from.top_message() != 0) {
    rows.erase({records_table::dialog_order, order_key(from.top_message(), user_id{peer})});
  }
  if (to.top_message() != 0) {
    rows[{records_table::dialog_order, order_key(to.top_message(), user_id{peer})}] = {};
  }
  rows[{records_table::dialog, peer_key(user_id{peer})}] = to.SerializeAsString();
  box().set_dialogs(box().dialogs() + (to.top_message() != 0 ? 1 : 0) - (from.top_message() != 0 ? 1 : 0));
  box().set_unread(box().unread() + to.unread() - from.unread());
}

void row_author::append(people::update_kind kind, Update update) {
  auto& rows = world_.rows(who_);
  update.set_kind(static_cast<std::uint32_t>(kind));
  update.set_count(std::max(1, update.count()));
  update.set_date(world_.now);
  box().set_pts(box().pts() + update.count());
  box().set_updates_beside(0);
  rows[{records_table::update, update_key(box().pts())}] = update.SerializeAsString();
  rows[{records_table::user_box, {}}] = box().SerializeAsString();
}

message_id row_author::add(std::int64_t peer, const authored_message& what) {
  auto& rows = world_.rows(who_);
  const message_id id = box().last_message_id() + 1;
  box().set_last_message_id(id);
  Message message;
  message.set_out(what.out);
  message.set_date(what.date != 0 ? what.date : world_.now);
  message.set_text(what.text);
  message.set_pinned(what.pinned);
  rows[{records_table::message, message_key(user_id{peer}, id)}] = message.SerializeAsString();
  persistence::records::MessagePlace place;
  place.set_peer(peer);
  rows[{records_table::message_place, place_key(id)}] = place.SerializeAsString();
  Dialog to = dialog(peer);
  if (what.pinned) {
    rows[{records_table::message_pinned, message_key(user_id{peer}, id)}] = {};
    to.set_pinned_messages(to.pinned_messages() + 1);
  }
  to.set_top_message(id);
  to.set_top_date(message.date());
  to.set_messages(to.messages() + 1);
  to.set_unread(to.unread() + (what.out ? 0 : 1));
  put(peer, to);
  Update update;
  update.set_peer(peer);
  update.set_id(id);
  update.set_on(what.out);
  append(people::update_kind::new_message, update);
  return id;
}

void row_author::edit(std::int64_t peer, message_id id, const std::string& text) {
  auto message = world_.message(who_, peer, id);
  if (!message) {
    return;
  }
  message->set_text(text);
  message->set_edit_date(world_.now);
  world_.rows(who_)[{records_table::message, message_key(user_id{peer}, id)}] = message->SerializeAsString();
  Update update;
  update.set_peer(peer);
  update.set_id(id);
  append(people::update_kind::edit_message, update);
}

void row_author::remove(std::int64_t peer, const std::vector<message_id>& ids) {
  auto& rows = world_.rows(who_);
  Dialog to = dialog(peer);
  Update update;
  update.set_peer(peer);
  for (const message_id id : ids) {
    const auto message = world_.message(who_, peer, id);
    if (!message) {
      continue;
    }
    rows.erase({records_table::message, message_key(user_id{peer}, id)});
    rows.erase({records_table::message_place, place_key(id)});
    rows.erase({records_table::message_pinned, message_key(user_id{peer}, id)});
    update.add_ids(id);
    to.set_messages(to.messages() - 1);
    to.set_pinned_messages(to.pinned_messages() - (message->pinned() ? 1 : 0));
    to.set_unread(to.unread() - (!message->out() && id > to.read_inbox_max_id() ? 1 : 0));
  }
  if (update.ids_size() == 0) {
    return;
  }
  to.set_top_message(0);
  counting_reader reader(rows);
  reader.scan_back(records_table::message, message_key(user_id{peer}, 0), behind(peer_key(user_id{peer})),
                   [&](std::string_view key, std::string_view) {
                     to.set_top_message(read_message_key(key)->id);
                     return false;
                   });
  put(peer, to);
  update.set_count(update.ids_size());
  append(people::update_kind::delete_messages, update);
}

void row_author::read_inbox(std::int64_t peer, message_id max_id) {
  Dialog to = dialog(peer);
  if (max_id <= to.read_inbox_max_id()) {
    return;
  }
  std::int32_t unread = 0;
  counting_reader reader(world_.rows(who_));
  reader.scan(records_table::message, message_key(user_id{peer}, max_id + 1), behind(peer_key(user_id{peer})),
              [&](std::string_view, std::string_view value) {
                Message message;
                message.ParseFromString(std::string(value));
                unread += message.out() ? 0 : 1;
                return true;
              });
  to.set_read_inbox_max_id(max_id);
  to.set_unread(unread);
  put(peer, to);
  Update update;
  update.set_peer(peer);
  update.set_id(max_id);
  update.set_unread(unread);
  append(people::update_kind::read_inbox, update);
}

void row_author::beside(people::update_kind kind, std::int64_t peer, bool on) {
  Update update;
  update.set_kind(static_cast<std::uint32_t>(kind));
  update.set_peer(peer);
  update.set_on(on);
  update.set_date(world_.now);
  box().set_updates_beside(box().updates_beside() + 1);
  world_.rows(who_)[{records_table::update, update_key(box().pts(), box().updates_beside())}] =
    update.SerializeAsString();
  world_.rows(who_)[{records_table::user_box, {}}] = box().SerializeAsString();
}

} // namespace godwit::box::testing
