#include <algorithm>
#include <memory>
#include <utility>

#include "actors/box/box_calls.hpp"
#include "actors/box/box_views.hpp"
#include "actors/box/message_operations.hpp"
#include "actors/box/message_rows.hpp"
#include "config/limits.hpp"
#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/message_fn.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/user.hpp"

namespace godwit::box {
namespace {

namespace fn = tl::fn;

/// Messages of one dialog that are pinned, or no more.
struct pin_change {
  user_id peer;
  bool pinned = false;
  std::vector<std::pair<message_id, Message>> messages;
};

/// Their rows, and one update for all. Yields its pts. Part of an operation that holds the dialog.
std::int32_t write_pins(box_core& core, pin_change& what, unix_time now, entity_effects& out) {
  Dialog dialog = core.dialogs.find(what.peer)->dialog;
  persistence::records::Update update;
  update.set_peer(what.peer.value());
  update.set_on(what.pinned);
  for (auto& [id, message] : what.messages) {
    message.set_pinned(what.pinned);
    out.put(records_table::message, message_key(what.peer, id), message);
    if (what.pinned) {
      out.put_mark(records_table::message_pinned, message_key(what.peer, id));
    } else {
      out.erase(records_table::message_pinned, message_key(what.peer, id));
    }
    update.add_ids(id);
  }
  const auto count = static_cast<std::int32_t>(what.messages.size());
  dialog.set_pinned_messages(dialog.pinned_messages() + (what.pinned ? count : -count));
  core.dialogs.change(what.peer, dialog, out);
  return core.append_update(std::move(update), update_kind::pin_messages, now, out);
}

tl::box<tl::Update> pins_update(const pin_change& what, std::int32_t pts) {
  auto update = tl::make<tl::updatePinnedMessages>();
  update->pinned = what.pinned;
  update->peer = peer_view(what.peer);
  for (const auto& [id, message] : what.messages) {
    update->messages.push_back(id);
  }
  update->pts = pts;
  update->pts_count = 1;
  return update;
}

command::Origin origin_of(const box_core& core, user_id peer, message_id id, const Message& message) {
  command::Origin origin;
  origin.set_owner(message.out() ? core.account.self.value() : peer.value());
  origin.set_id(message.out() ? id : message.origin_id());
  return origin;
}

void deliver_pins(const box_core& core, const pin_change& what, unix_time now, entity_effects& out) {
  command::Delivery delivery;
  delivery.mutable_pinned()->set_pinned(what.pinned);
  for (const auto& [id, message] : what.messages) {
    *delivery.mutable_pinned()->add_origin() = origin_of(core, what.peer, id, message);
  }
  deliver(core, what.peer, std::move(delivery), now, out);
}

/// The message that tells both sides of a pin, at the end of the dialog.
struct pin_notice {
  message_id id = 0;
  std::int32_t pts = 0;
  Message message;
};

pin_notice write_notice(box_core& core, const pin_change& what, bool silent, unix_time now, entity_effects& out) {
  const auto& [pinned_id, pinned] = what.messages.front();
  pin_notice notice;
  notice.id = core.next_message_id();
  notice.message.set_out(true);
  notice.message.set_date(now);
  notice.message.set_silent(silent);
  notice.message.mutable_action()->set_pin_message(true);
  notice.message.mutable_reply_to()->set_id(pinned_id);
  out.put(records_table::message, message_key(what.peer, notice.id), notice.message);
  persistence::records::MessagePlace place;
  place.set_peer(what.peer.value());
  out.put(records_table::message_place, place_key(notice.id), place);
  Dialog dialog = core.dialogs.find(what.peer)->dialog;
  dialog.set_top_message(notice.id);
  dialog.set_top_date(now);
  dialog.set_messages(dialog.messages() + 1);
  core.dialogs.change(what.peer, dialog, out);
  persistence::records::Update update;
  update.set_peer(what.peer.value());
  update.set_id(notice.id);
  update.set_on(notice.message.out());
  notice.pts = core.append_update(std::move(update), update_kind::new_message, now, out);
  command::Delivery delivery;
  command::NewMessage& sent = *delivery.mutable_message();
  sent.set_origin_id(notice.id);
  *sent.mutable_message() = notice.message;
  sent.mutable_message()->mutable_reply_to()->clear_id();
  *sent.mutable_answers() = origin_of(core, what.peer, pinned_id, pinned);
  add_own_card(core, sent, now);
  deliver(core, what.peer, std::move(delivery), now, out);
  return notice;
}

tl::box<tl::Update> notice_update(const box_core& core, user_id peer, const pin_notice& notice, layer_t layer) {
  auto update = tl::make<tl::updateNewMessage>();
  update->message = message_view(core.account.self, peer, notice.id, notice.message, layer);
  update->pts = notice.pts;
  update->pts_count = 1;
  return update;
}

struct wanted_pin {
  call_context from;
  user_id peer;
  message_id id = 0;
  bool pinned = false;
  bool one_side = false;
  bool silent = false;
};

void answer_pin(box_core& core, const call_context& from, std::vector<tl::box<tl::Update>> list,
                const std::vector<user_id>& whom, const done_calls::outcome& moved, unix_time now,
                entity_effects& out) {
  // Shared, since a continuation is copied and updates are not.
  const auto kept = std::make_shared<std::vector<tl::box<tl::Update>>>(std::move(list));
  core.people.with(whom, now, out, [&core, from, kept, moved, whom](unix_time later, entity_effects& more) {
    auto answer = tl::make<tl::updates>();
    answer->updates_ = std::move(*kept);
    core.people.add_views(answer->users, whom, later);
    answer->date = later;
    answer_call<fn::messages_updatePinnedMessage>(from, std::move(answer), more, moved.pts, moved.pts_count);
  });
}

void apply_pin(box_core& core, const wanted_pin& wanted, found_message found, unix_time now, entity_effects& out) {
  if (!found.row || found.row->has_action()) {
    return refuse(wanted.from, rpc_errc::message_id_invalid, out);
  }
  if (found.row->pinned() == wanted.pinned) {
    return answer_pin(core, wanted.from, {}, {}, {}, now, out);
  }
  const bool is_told = has_other_box(core, wanted.peer) && !wanted.one_side;
  if (is_told && wanted.pinned && is_blocked(core, wanted.peer)) {
    return refuse(wanted.from, rpc_errc::you_blocked_user, out); // it would write to the peer
  }
  pin_change change{wanted.peer, wanted.pinned, {}};
  change.messages.emplace_back(found.id, std::move(*found.row));
  std::int32_t pts = write_pins(core, change, now, out);
  const std::int32_t pins_pts = pts;
  std::optional<pin_notice> notice;
  if (is_told) {
    deliver_pins(core, change, now, out);
    if (wanted.pinned) {
      notice = write_notice(core, change, wanted.silent, now, out);
      pts = notice->pts;
    }
  }
  const auto list = [&](layer_t layer) {
    std::vector<tl::box<tl::Update>> updates;
    updates.push_back(pins_update(change, pins_pts));
    if (notice) {
      updates.push_back(notice_update(core, wanted.peer, *notice, layer));
    }
    return updates;
  };
  const std::vector<user_id> whom{core.account.self, wanted.peer};
  if (somebody_hears(core, wanted.from.asker)) {
    tell_sessions(core, list(pushed_layer), whom, wanted.from.asker, now, out, pts, notice ? 2 : 1);
  }
  answer_pin(core, wanted.from, list(wanted.from.layer), whom, {pts, notice ? 2 : 1}, now, out);
}

/// The message that told of a pin, when its call comes again: its number, and its row where it is still there.
struct former_notice {
  message_id id = 0;
  std::optional<Message> row;
};

former_notice read_notice(entity::row_reader& reader, user_id peer, std::int32_t pts) {
  former_notice found;
  const auto row = reader.get(records_table::update, update_key(pts));
  if (persistence::records::Update update; row && update.ParseFromString(*row)) {
    found.id = update.id();
    found.row = read_message(reader, peer, found.id);
  }
  return found;
}

/// What the call was answered with: the pin, whatever became of it since, and the message that told of it, as it is
/// now.
void tell_former_pin(box_core& core, const wanted_pin& wanted, const done_calls::outcome& first,
                     const former_notice& notice, unix_time now, entity_effects& out) {
  pin_change change{wanted.peer, wanted.pinned, {}};
  change.messages.emplace_back(wanted.id, Message());
  std::vector<tl::box<tl::Update>> list;
  list.push_back(pins_update(change, first.pts - first.pts_count + 1));
  if (notice.row) {
    list.push_back(notice_update(core, wanted.peer, {notice.id, first.pts, *notice.row}, wanted.from.layer));
  } else if (notice.id != 0) { // with its update's row gone, too, nobody knows its number
    auto gone = tl::make<tl::updateDeleteMessages>();
    gone->messages = {notice.id};
    gone->pts = first.pts;
    gone->pts_count = 1;
    list.push_back(std::move(gone));
  }
  answer_pin(core, wanted.from, std::move(list), {core.account.self, wanted.peer}, first, now, out);
}

void repeat_pin(box_core& core, const wanted_pin& wanted, const done_calls::outcome& first, unix_time now,
                entity_effects& out) {
  if (first.pts_count == 0) {
    answer_pin(core, wanted.from, {}, {}, first, now, out);
    core.operations.done(now, out);
    return;
  }
  const auto notice = std::make_shared<former_notice>();
  entity::row_query query;
  query.read = [notice, peer = wanted.peer, first](entity::row_reader& reader) {
    if (first.pts_count > 1) {
      *notice = read_notice(reader, peer, first.pts);
    }
  };
  query.then = [&core, wanted, first, notice](unix_time later, entity_effects& more) {
    tell_former_pin(core, wanted, first, *notice, later, more);
    core.operations.done(later, more);
  };
  out.queries.push_back(std::move(query));
}

/// A reader's findings for unpinAllMessages and for arrivals.
struct pin_plan {
  pin_change change;
  bool more = false;

  /// False: no further one fits into a mutation.
  bool add(entity::row_reader& reader, message_id id) {
    auto message = id > 0 ? read_message(reader, change.peer, id) : std::nullopt;
    if (!message || message->has_action() || message->pinned() == change.pinned) {
      return true;
    }
    bytes += message->ByteSizeLong();
    change.messages.emplace_back(id, std::move(*message));
    return bytes < limits::box_mutation_bytes && change.messages.size() < limits::messages_changed_max;
  }

  std::size_t bytes = 0;
};

void gather_pinned(entity::row_reader& reader, pin_plan& plan) {
  const user_id peer = plan.change.peer;
  std::vector<message_id> ids;
  reader.scan(records_table::message_pinned, message_key(peer, 0), behind(peer_key(peer)),
              [&](std::string_view key, std::string_view) {
                ids.push_back(read_message_key(key).value_or(message_place{}).id);
                return ids.size() <= limits::messages_changed_max;
              });
  std::size_t looked_at = 0;
  for (const message_id id : ids) {
    ++looked_at;
    if (!plan.add(reader, id)) {
      break;
    }
  }
  plan.more = looked_at < ids.size();
}

void answer_unpin_all(const call_context& from, const done_calls::outcome& what, bool more, entity_effects& out) {
  auto answer = tl::make<tl::messages_affectedHistory>();
  answer->pts = what.pts;
  answer->pts_count = what.pts_count;
  answer->offset = more ? 1 : 0;
  answer_call<fn::messages_unpinAllMessages>(from, answer, out, what.pts, what.pts_count);
}

void apply_unpin_all(box_core& core, const call_context& from, pin_plan& plan, unix_time now, entity_effects& out) {
  if (plan.more) {
    core.calls.unfinished();
  }
  const bool changes = !plan.change.messages.empty();
  if (changes) {
    const std::int32_t pts = write_pins(core, plan.change, now, out);
    if (has_other_box(core, plan.change.peer)) {
      deliver_pins(core, plan.change, now, out);
    }
    tell_sessions(core, pins_update(plan.change, pts), from.asker, now, out, pts, 1);
  }
  answer_unpin_all(from, {core.account.box.pts(), changes ? 1 : 0}, plan.more, out);
}

void gather_named(entity::row_reader& reader, user_id self, const command::PinnedMessages& named, pin_plan& plan) {
  std::vector<message_id> ids;
  for (const command::Origin& origin : named.origin()) {
    if (origin.owner() == self.value()) {
      ids.push_back(origin.id());
    } else if (origin.owner() == plan.change.peer.value()) {
      ids.push_back(read_origin(reader, plan.change.peer, origin.id()));
    }
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  for (const message_id id : ids) {
    plan.add(reader, id); // the sender's box had room for as many
  }
}

} // namespace

void update_pinned(box_core& core, const call_context& from, const fn::messages_updatePinnedMessage& what,
                   entity_effects& out) {
  const auto peer = core.people.resolve(what.peer.get());
  if (!peer) {
    return refuse(from, peer.error().errc, out);
  }
  if (what.id <= 0) {
    return refuse(from, rpc_errc::message_id_invalid, out);
  }
  const wanted_pin wanted{from, *peer, what.id, !what.unpin, what.pm_oneside, what.silent};
  const auto begin = [&core, wanted](unix_time now, entity_effects& more) {
    with_message(core, wanted.peer, wanted.id, now, more,
                 [&core, wanted](found_message found, unix_time later, entity_effects& last) {
                   apply_pin(core, wanted, std::move(found), later, last);
                   core.operations.done(later, last);
                 });
  };
  begin_change(core, from, out, begin,
               [&core, wanted](const done_calls::outcome& first, unix_time now, entity_effects& more) {
                 repeat_pin(core, wanted, first, now, more);
               });
}

void unpin_all(box_core& core, const call_context& from, const fn::messages_unpinAllMessages& what,
               entity_effects& out) {
  const auto peer = core.people.resolve(what.peer.get());
  if (!peer || what.saved_peer_id != nullptr) {
    return refuse(from, rpc_errc::peer_id_invalid, out);
  }
  const auto begin = [&core, from, peer = *peer](unix_time now, entity_effects& more) {
    auto plan = std::make_shared<pin_plan>();
    plan->change.peer = peer;
    core.with_dialog_and(
      peer, [plan](entity::row_reader& reader) { gather_pinned(reader, *plan); }, now, more,
      [&core, from, plan](unix_time later, entity_effects& last) {
        apply_unpin_all(core, from, *plan, later, last);
        core.operations.done(later, last);
      });
  };
  begin_change(core, from, out, begin,
               [&core, from](const done_calls::outcome& first, unix_time now, entity_effects& more) {
                 answer_unpin_all(from, first, false, more);
                 core.operations.done(now, more);
               });
}

void pinned_by_peer(box_core& core, const arrival& by, const command::PinnedMessages& what, unix_time now,
                    entity_effects& out) {
  auto named = std::make_shared<command::PinnedMessages>(what);
  core.operations.run_always(now, out, [&core, by, named](unix_time began, entity_effects& more) {
    auto plan = std::make_shared<pin_plan>();
    plan->change.peer = by.from;
    plan->change.pinned = named->pinned();
    core.with_dialog_and(
      by.from,
      [self = core.account.self, named, plan](entity::row_reader& reader) {
        gather_named(reader, self, *named, *plan);
      },
      began, more,
      [&core, by, plan](unix_time later, entity_effects& last) {
        if (!plan->change.messages.empty() && !is_blocked(core, by.from)) {
          const std::int32_t pts = write_pins(core, plan->change, later, last);
          tell_sessions(core, pins_update(plan->change, pts), {}, later, last, pts, 1);
        }
        last.answer(by.ticket, std::string());
        core.operations.done(later, last);
      });
  });
}

} // namespace godwit::box
