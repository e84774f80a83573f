#include "actors/box/box_core.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "config/limits.hpp"

namespace godwit::box {
namespace {

/// Whether somebody could tell the dialog from one that never was.
bool is_blank(const Dialog& dialog) {
  return dialog.top_message() == 0 && dialog.messages() == 0 && dialog.read_inbox_max_id() == 0 &&
         dialog.read_outbox_max_id() == 0 && !dialog.unread_mark() && dialog.pinned_messages() == 0;
}

/// A dialog is listed, and counted, when it has a message.
std::string order_key_of(user_id peer, message_id top) { return top == 0 ? std::string() : order_key(top, peer); }

/// A query's findings travel from the reader's thread to the logic's.
struct dialog_rows {
  std::optional<std::string> dialog;
  std::optional<std::string> relation;
};

} // namespace

// --- dialogs in memory -------------------------------------------------------------------------------

const dialog_book::entry* dialog_book::find(user_id peer) {
  const auto found = kept_.find(peer.value());
  if (found == kept_.end()) {
    return nullptr;
  }
  order_.splice(order_.end(), order_, found->second.place);
  return &found->second.what;
}

void dialog_book::learn(user_id peer, const std::optional<std::string>& row) {
  if (kept_.contains(peer.value())) {
    return;
  }
  entry& what = keep(peer).what;
  what.exists = row && what.dialog.ParseFromString(*row);
}

void dialog_book::hold(user_id peer, std::uint64_t operation) {
  operation_ = operation;
  keep(peer).held_by = operation;
}

dialog_book::kept& dialog_book::keep(user_id peer) {
  const auto [found, fresh] = kept_.try_emplace(peer.value());
  if (!fresh) {
    order_.splice(order_.end(), order_, found->second.place);
    return found->second;
  }
  found->second.place = order_.insert(order_.end(), peer);
  make_room();
  return found->second;
}

/// The newest one stays whatever happens: somebody is about to use it.
void dialog_book::make_room() {
  for (auto oldest = order_.begin(); kept_.size() > limits::dialogs_in_memory_max && *oldest != order_.back();) {
    const auto found = kept_.find(oldest->value());
    if (found->second.held_by == operation_ && operation_ != 0) {
      ++oldest;
      continue;
    }
    kept_.erase(found);
    oldest = order_.erase(oldest);
  }
}

void dialog_book::change(user_id peer, const Dialog& to, entity_effects& out) {
  entry& what = keep(peer).what;
  const Dialog& from = what.dialog;
  const message_id old_top = from.top_message();
  const message_id new_top = to.top_message();
  persistence::records::UserBox& box = account_.box;
  box.set_unread(box.unread() + to.unread() - from.unread());
  if ((old_top == 0) != (new_top == 0)) {
    box.set_dialogs(box.dialogs() + (new_top == 0 ? -1 : 1));
  }
  // Most new messages leave a dialog where it is among those 256 ids.
  if (old_top >> 8 != new_top >> 8 || (old_top == 0) != (new_top == 0)) {
    if (std::string key = order_key_of(peer, old_top); !key.empty()) {
      out.erase(records_table::dialog_order, std::move(key));
    }
    if (std::string key = order_key_of(peer, new_top); !key.empty()) {
      out.put_mark(records_table::dialog_order, std::move(key));
    }
  }
  const bool blank = is_blank(to);
  if (!blank) {
    out.put(records_table::dialog, peer_key(peer), to);
  } else if (what.exists) {
    out.erase(records_table::dialog, peer_key(peer));
  }
  what.exists = !blank;
  if (&what.dialog != &to) {
    what.dialog = to;
  }
}

// --- the box -----------------------------------------------------------------------------------------

void box_core::with_dialog(user_id peer, unix_time now, entity_effects& out, continuation then) {
  with_dialog_and(peer, {}, now, out, std::move(then));
}

void box_core::with_dialog_and(user_id peer, reading also, unix_time now, entity_effects& out, continuation then) {
  const bool related = peer != account.self && peer != people::service_user;
  const bool read_dialog = dialogs.find(peer) == nullptr;
  const bool read_relation = related && people.relation(peer) == nullptr;
  if (!read_dialog && !read_relation) {
    dialogs.hold(peer, operations.number());
    if (!also) {
      then(now, out);
      return;
    }
  }
  auto rows = std::make_shared<dialog_rows>();
  entity::row_query query;
  query.read = [rows, peer, read_dialog, read_relation, also = std::move(also)](entity::row_reader& reader) {
    if (read_dialog) {
      rows->dialog = reader.get(records_table::dialog, peer_key(peer));
    }
    if (read_relation) {
      const auto key = static_cast<std::uint64_t>(peer.value());
      rows->relation = reader.get(records_table::user_relation, entity::id_sub_key(key));
    }
    if (also) {
      also(reader);
    }
  };
  query.then = [this, rows, peer, read_dialog, read_relation, then = std::move(then)](unix_time later,
                                                                                      entity_effects& more) {
    if (read_dialog) {
      dialogs.learn(peer, rows->dialog);
    }
    if (read_relation) {
      people.learn(peer, rows->relation);
    }
    // Somebody else may have pushed out meanwhile what was in memory before.
    with_dialog_and(peer, {}, later, more, then);
  };
  out.queries.push_back(std::move(query));
}

message_id box_core::next_message_id() {
  account.box.set_last_message_id(account.box.last_message_id() + 1);
  return account.box.last_message_id();
}

std::int32_t box_core::append_update(persistence::records::Update update, update_kind kind, unix_time now,
                                     entity_effects& out) {
  persistence::records::UserBox& box = account.box;
  update.set_kind(static_cast<std::uint32_t>(kind));
  update.set_count(std::max(1, update.count()));
  update.set_date(now);
  box.set_pts(box.pts() + update.count());
  box.set_updates_beside(0);
  box.set_date(now);
  out.put(records_table::update, update_key(box.pts()), update);
  put_box(out);
  calls.write(operations.number(), {box.pts(), update.count()}, now, out);
  return box.pts();
}

void box_core::append_beside(persistence::records::Update update, update_kind kind, unix_time now,
                             entity_effects& out) {
  persistence::records::UserBox& box = account.box;
  update.set_kind(static_cast<std::uint32_t>(kind));
  update.set_date(now);
  box.set_updates_beside(box.updates_beside() + 1);
  box.set_date(now);
  out.put(records_table::update, update_key(box.pts(), box.updates_beside()), update);
  put_box(out);
}

void box_core::put_box(entity_effects& out) const { out.put(records_table::user_box, std::string(), account.box); }

} // namespace godwit::box
