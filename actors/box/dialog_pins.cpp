#include "actors/box/dialog_pins.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "actors/box/box_calls.hpp"
#include "actors/box/box_views.hpp"
#include "actors/box/unread_marks.hpp"
#include "config/limits.hpp"
#include "protocol/tl/api/channels.hpp"
#include "protocol/tl/api/dialog.hpp"
#include "protocol/tl/api/dialog_fn.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/update.hpp"

namespace godwit::box {
namespace {

namespace fn = tl::fn;

rpc_result<user_id> resolve(const box_core& core, const tl::InputDialogPeer* what) {
  if (const auto* dialog = tl::as<tl::inputDialogPeer>(what)) {
    return core.people.resolve(dialog->peer.get());
  }
  return unexpected(rpc_error(rpc_errc::peer_id_invalid));
}

tl::box<tl::DialogPeer> dialog_peer(user_id peer) {
  auto view = tl::make<tl::dialogPeer>();
  view->peer = peer_view(peer);
  return view;
}

bool contains(const std::vector<user_id>& list, user_id peer) {
  return std::find(list.begin(), list.end(), peer) != list.end();
}

/// Which of these dialogs have a message, and so are in the list.
using listed_continuation = std::function<void(const std::vector<user_id>& listed, unix_time now, entity_effects& out)>;

void with_listed(std::vector<user_id> peers, entity_effects& out, listed_continuation then) {
  auto listed = std::make_shared<std::vector<user_id>>();
  out.queries.push_back(
    {[listed, peers = std::move(peers)](entity::row_reader& reader) {
       for (const user_id peer : peers) {
         const auto row = reader.get(records_table::dialog, peer_key(peer));
         Dialog dialog;
         if (row && dialog.ParseFromString(*row) && dialog.top_message() != 0) {
           listed->push_back(peer);
         }
       }
     },
     [listed, then = std::move(then)](unix_time now, entity_effects& more) { then(*listed, now, more); }});
}

} // namespace

bool dialog_pins::load(std::string_view value) {
  persistence::records::PinnedDialogs row;
  if (!row.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
    return false;
  }
  pinned_.clear();
  for (const std::int64_t peer : row.peer()) {
    pinned_.push_back(user_id{peer});
  }
  return true;
}

void dialog_pins::put(entity_effects& out) const {
  if (pinned_.empty()) {
    out.erase(records_table::pinned_dialogs, std::string());
    return;
  }
  persistence::records::PinnedDialogs row;
  for (const user_id peer : pinned_) {
    row.add_peer(peer.value());
  }
  out.put(records_table::pinned_dialogs, std::string(), row);
}

void dialog_pins::set_pinned(const call_context& from, user_id peer, bool pinned, const std::vector<user_id>& listed,
                             unix_time now, entity_effects& out) {
  if (pinned == contains(pinned_, peer)) {
    return answer_call<fn::messages_toggleDialogPin>(from, true, out);
  }
  if (pinned && !contains(listed, peer)) {
    return refuse(from, rpc_errc::peer_history_empty, out);
  }
  if (pinned && pinned_.size() >= limits::pinned_dialogs_max) {
    // Dialogs that were deleted since cannot be unpinned by hand, and need no room.
    std::erase_if(pinned_, [&](user_id each) { return !contains(listed, each); });
    if (pinned_.size() >= limits::pinned_dialogs_max) {
      return refuse(from, rpc_errc::pinned_dialogs_too_much, out);
    }
  }
  if (pinned) {
    pinned_.insert(pinned_.begin(), peer);
  } else {
    std::erase(pinned_, peer);
  }
  put(out);
  persistence::records::Update update;
  update.set_peer(peer.value());
  update.set_on(pinned);
  core_.append_beside(std::move(update), update_kind::dialog_pinned, now, out);
  auto view = tl::make<tl::updateDialogPinned>();
  view->pinned = pinned;
  view->peer = dialog_peer(peer);
  tell_sessions(core_, std::move(view), from.asker, now, out);
  answer_call<fn::messages_toggleDialogPin>(from, true, out);
}

void dialog_pins::toggle(const call_context& from, const fn::messages_toggleDialogPin& what, entity_effects& out) {
  const auto peer = resolve(core_, what.peer.get());
  if (!peer) {
    return refuse(from, peer.error().errc, out);
  }
  begin_call(core_, from, out, [this, from, peer = *peer, pinned = what.pinned](unix_time, entity_effects& more) {
    std::vector<user_id> asked = pinned_;
    asked.push_back(peer);
    with_listed(std::move(asked), more,
                [this, from, peer, pinned](const std::vector<user_id>& listed, unix_time now, entity_effects& last) {
                  set_pinned(from, peer, pinned, listed, now, last);
                  core_.operations.done(now, last);
                });
  });
}

void dialog_pins::set_order(const call_context& from, const std::vector<user_id>& order, bool force,
                            const std::vector<user_id>& listed, unix_time now, entity_effects& out) {
  std::vector<user_id> wanted;
  for (const user_id peer : order) {
    if (!contains(wanted, peer) && (contains(pinned_, peer) || (force && contains(listed, peer)))) {
      wanted.push_back(peer);
    }
  }
  if (!force) {
    std::copy_if(pinned_.begin(), pinned_.end(), std::back_inserter(wanted),
                 [known = wanted](user_id peer) { return !contains(known, peer); });
  }
  if (wanted.size() > limits::pinned_dialogs_max) {
    return refuse(from, rpc_errc::pinned_dialogs_too_much, out);
  }
  if (wanted != pinned_) {
    pinned_ = std::move(wanted);
    put(out);
    core_.append_beside({}, update_kind::pinned_dialogs, now, out);
    auto view = tl::make<tl::updatePinnedDialogs>();
    view->order.emplace();
    for (const user_id peer : pinned_) {
      view->order->push_back(dialog_peer(peer));
    }
    tell_sessions(core_, std::move(view), from.asker, now, out);
  }
  answer_call<fn::messages_reorderPinnedDialogs>(from, true, out);
}

void dialog_pins::reorder(const call_context& from, const fn::messages_reorderPinnedDialogs& what,
                          entity_effects& out) {
  if (what.folder_id != 0) {
    return refuse(from, rpc_errc::folder_id_invalid, out);
  }
  if (what.order.size() > limits::users_per_call_max) {
    return refuse(from, rpc_errc::pinned_dialogs_too_much, out);
  }
  std::vector<user_id> order;
  for (const auto& each : what.order) {
    const auto peer = resolve(core_, each.get());
    if (!peer) {
      return refuse(from, peer.error().errc, out);
    }
    order.push_back(*peer);
  }
  begin_call(core_, from, out, [this, from, order, force = what.force](unix_time, entity_effects& more) {
    with_listed(order, more,
                [this, from, order, force](const std::vector<user_id>& listed, unix_time now, entity_effects& last) {
                  set_order(from, order, force, listed, now, last);
                  core_.operations.done(now, last);
                });
  });
}

void dialog_pins::mark(const call_context& from, const fn::messages_markDialogUnread& what, entity_effects& out) {
  const auto peer = resolve(core_, what.peer.get());
  if (!peer || what.parent_peer != nullptr) {
    return refuse(from, rpc_errc::peer_id_invalid, out);
  }
  begin_call(core_, from, out, [this, from, peer = *peer, unread = what.unread](unix_time now, entity_effects& more) {
    core_.with_dialog(peer, now, more, [this, from, peer, unread](unix_time later, entity_effects& last) {
      Dialog dialog = core_.dialogs.find(peer)->dialog;
      // What is not in the list cannot be marked there.
      const bool can = dialog.top_message() != 0;
      if (can && dialog.unread_mark() != unread) {
        set_unread_mark(core_, peer, unread, dialog, from.asker, later, last);
        core_.dialogs.change(peer, dialog, last);
      }
      answer_call<fn::messages_markDialogUnread>(from, can, last);
      core_.operations.done(later, last);
    });
  });
}

void dialog_pins::list_marks(const call_context& from, const fn::messages_getDialogUnreadMarks& what,
                             entity_effects& out) const {
  if (what.parent_peer != nullptr) {
    return refuse(from, rpc_errc::peer_id_invalid, out);
  }
  auto marked = std::make_shared<std::vector<user_id>>();
  out.queries.push_back({[marked](entity::row_reader& reader) {
                           reader.scan(records_table::unread_mark, {}, {}, [&](std::string_view key, std::string_view) {
                             marked->push_back(read_peer_key(key).value_or(user_id{}));
                             return marked->size() < limits::unread_marks_listed_max;
                           });
                         },
                         [from, marked](unix_time, entity_effects& more) {
                           std::vector<tl::box<tl::DialogPeer>> answer;
                           for (const user_id peer : *marked) {
                             answer.push_back(dialog_peer(peer));
                           }
                           answer_call<fn::messages_getDialogUnreadMarks>(from, answer, more);
                         }});
}

} // namespace godwit::box
