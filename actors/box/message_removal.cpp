#include "actors/box/message_removal.hpp"

#include <algorithm>
#include <utility>

#include "actors/box/box_calls.hpp"
#include "protocol/tl/api/update.hpp"

namespace godwit::box {
namespace {

using gone_message = dialog_removal::gone_message;

void read_next_top(entity::row_reader& reader, dialog_removal& part, message_id top) {
  std::vector<message_id> gone;
  gone.reserve(part.gone.size());
  for (const gone_message& each : part.gone) {
    gone.push_back(each.id);
  }
  std::sort(gone.begin(), gone.end());
  reader.scan_back(records_table::message, message_key(part.peer, 0), message_key(part.peer, top),
                   [&](std::string_view key, std::string_view value) {
                     const auto place = read_message_key(key);
                     if (!place || std::binary_search(gone.begin(), gone.end(), place->id)) {
                       return true;
                     }
                     Message message;
                     message.ParseFromArray(value.data(), static_cast<int>(value.size()));
                     part.next_top = place->id;
                     part.next_date = message.date();
                     return false;
                   });
}

/// Takes the rows of one dialog's messages away, and what counted them.
void write_dialog(box_core& core, const dialog_removal& part, entity_effects& out) {
  core.dialogs.learn(part.peer, part.dialog);
  core.dialogs.hold(part.peer, core.operations.number());
  Dialog dialog = core.dialogs.find(part.peer)->dialog;
  std::int32_t unread = 0;
  std::int32_t pinned = 0;
  for (const gone_message& each : part.gone) {
    out.erase(records_table::message, message_key(part.peer, each.id));
    out.erase(records_table::message_place, place_key(each.id));
    if (each.origin != 0) {
      out.erase(records_table::message_origin, message_key(part.peer, each.origin));
    }
    if (each.pinned) {
      out.erase(records_table::message_pinned, message_key(part.peer, each.id));
      ++pinned;
    }
    unread += !each.out && each.id > dialog.read_inbox_max_id() ? 1 : 0;
  }
  dialog.set_messages(dialog.messages() - static_cast<std::int32_t>(part.gone.size()));
  dialog.set_unread(dialog.unread() - unread);
  dialog.set_pinned_messages(dialog.pinned_messages() - pinned);
  if (part.takes_top) {
    dialog.set_top_message(part.next_top);
    dialog.set_top_date(part.next_date);
  }
  if (dialog.top_message() == 0 && dialog.unread_mark()) {
    dialog.set_unread_mark(false);
    out.erase(records_table::unread_mark, peer_key(part.peer));
  }
  core.dialogs.change(part.peer, dialog, out);
}

} // namespace

void removal::add(user_id peer, message_id id, const Message& message) {
  auto part =
    std::find_if(dialogs.begin(), dialogs.end(), [&](const dialog_removal& each) { return each.peer == peer; });
  if (part == dialogs.end()) {
    part = dialogs.insert(dialogs.end(), dialog_removal{});
    part->peer = peer;
  }
  part->gone.push_back({id, message.origin_id(), message.out(), message.pinned()});
}

void removal::read_dialogs(entity::row_reader& reader) {
  for (dialog_removal& part : dialogs) {
    part.dialog = reader.get(records_table::dialog, peer_key(part.peer));
    Dialog dialog;
    if (!part.dialog || !dialog.ParseFromString(*part.dialog)) {
      continue;
    }
    const message_id top = dialog.top_message();
    part.takes_top =
      std::any_of(part.gone.begin(), part.gone.end(), [&](const gone_message& each) { return each.id == top; });
    if (part.takes_top) {
      read_next_top(reader, part, top);
    }
  }
}

std::size_t removal::messages() const {
  std::size_t all = 0;
  for (const dialog_removal& part : dialogs) {
    all += part.gone.size();
  }
  return all;
}

removed write_removal(box_core& core, const removal& what, unix_time now, entity_effects& out) {
  removed done{core.account.box.pts(), static_cast<std::int32_t>(what.messages())};
  if (done.count == 0) {
    return done;
  }
  persistence::records::Update update;
  if (what.dialogs.size() == 1) {
    update.set_peer(what.dialogs.front().peer.value());
  }
  for (const dialog_removal& part : what.dialogs) {
    if (part.gone.empty()) {
      continue;
    }
    write_dialog(core, part, out);
    for (const gone_message& each : part.gone) {
      update.add_ids(each.id);
    }
  }
  update.set_count(done.count);
  done.pts = core.append_update(std::move(update), update_kind::delete_messages, now, out);
  return done;
}

tl::box<tl::Update> removal_update(const removal& what, const removed& done) {
  auto update = tl::make<tl::updateDeleteMessages>();
  for (const dialog_removal& part : what.dialogs) {
    for (const gone_message& each : part.gone) {
      update->messages.push_back(each.id);
    }
  }
  update->pts = done.pts;
  update->pts_count = done.count;
  return update;
}

void deliver_removal(const box_core& core, const removal& what, unix_time now, entity_effects& out) {
  for (const dialog_removal& part : what.dialogs) {
    if (!has_other_box(core, part.peer)) {
      continue;
    }
    command::Delivery delivery;
    for (const gone_message& each : part.gone) {
      if (!each.out && each.origin == 0) {
        continue;
      }
      command::Origin& origin = *delivery.mutable_deleted()->add_origin();
      origin.set_owner(each.out ? core.account.self.value() : part.peer.value());
      origin.set_id(each.out ? each.id : each.origin);
    }
    if (delivery.has_deleted()) {
      deliver(core, part.peer, std::move(delivery), now, out);
    }
  }
}

} // namespace godwit::box
