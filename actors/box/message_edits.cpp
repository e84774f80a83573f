#include <algorithm>
#include <memory>
#include <utility>

#include "actors/box/box_calls.hpp"
#include "actors/box/box_views.hpp"
#include "actors/box/message_operations.hpp"
#include "actors/box/message_rows.hpp"
#include "actors/box/text_entities.hpp"
#include "config/limits.hpp"
#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/message_fn.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/text.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/user.hpp"

namespace godwit::box {
namespace {

namespace fn = tl::fn;

/// What a call wants a message to be.
struct wanted_edit {
  call_context from;
  user_id peer;
  message_id id = 0;
  bool invert_media = false;
  formatted_text text;
};

bool same_entities(const text_entity_list& one, const text_entity_list& other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(), [](const auto& a, const auto& b) {
    return a.kind() == b.kind() && a.offset() == b.offset() && a.length() == b.length() && a.text() == b.text() &&
           a.number() == b.number() && a.collapsed() == b.collapsed();
  });
}

/// Nothing: the message may become what is wanted.
std::optional<rpc_errc> refusal(const box_core& core, const wanted_edit& wanted, const std::optional<Message>& message,
                                unix_time now) {
  if (!message || message->has_action()) {
    return rpc_errc::message_id_invalid;
  }
  if (!message->out()) {
    return rpc_errc::message_author_required;
  }
  if (message->has_forward()) {
    return rpc_errc::message_id_invalid;
  }
  if (wanted.peer != core.account.self && now - message->date() > limits::message_edit_seconds_max) {
    return rpc_errc::message_edit_time_expired;
  }
  if (message->text() == wanted.text.text && same_entities(message->entity(), wanted.text.entities) &&
      message->invert_media() == wanted.invert_media) {
    return rpc_errc::message_not_modified;
  }
  return std::nullopt;
}

tl::box<tl::Update> edit_update(const box_core& core, const found_message& what, std::int32_t pts, layer_t layer,
                                std::int32_t pts_count = 1) {
  auto update = tl::make<tl::updateEditMessage>();
  update->message = message_view(core.account.self, what.peer, what.id, *what.row, layer);
  update->pts = pts;
  update->pts_count = pts_count;
  return update;
}

std::vector<user_id> people_of(const box_core& core, const found_message& what) {
  std::vector<user_id> whom{core.account.self};
  add_people(*what.row, what.peer, whom);
  return whom;
}

/// Writes the changed message and its update.
std::int32_t write_edit(box_core& core, const found_message& what, unix_time now, entity_effects& out) {
  out.put(records_table::message, message_key(what.peer, what.id), *what.row);
  persistence::records::Update update;
  update.set_peer(what.peer.value());
  update.set_id(what.id);
  return core.append_update(std::move(update), update_kind::edit_message, now, out);
}

void send_edit(box_core& core, const found_message& what, unix_time now, entity_effects& out) {
  command::Delivery delivery;
  command::EditedMessage& edited = *delivery.mutable_edited();
  edited.set_origin_id(what.id);
  Message& message = *edited.mutable_message();
  message.set_text(what.row->text());
  *message.mutable_entity() = what.row->entity();
  message.set_edit_date(what.row->edit_date());
  message.set_invert_media(what.row->invert_media());
  add_own_card(core, edited, now);
  deliver(core, what.peer, std::move(delivery), now, out);
}

/// Tells of the message as it is, at the pts to which the call moved the box.
void answer_edit(box_core& core, const call_context& from, const found_message& what, const done_calls::outcome& moved,
                 unix_time now, entity_effects& out) {
  const std::vector<user_id> whom = people_of(core, what);
  core.people.with(whom, now, out, [&core, from, what, moved, whom](unix_time later, entity_effects& more) {
    auto answer = tl::make<tl::updates>();
    answer->updates_.push_back(edit_update(core, what, moved.pts, from.layer, moved.pts_count));
    core.people.add_views(answer->users, whom, later);
    answer->date = later;
    answer_call<fn::messages_editMessage>(from, std::move(answer), more, moved.pts, moved.pts_count);
  });
}

void apply_edit(box_core& core, const wanted_edit& wanted, found_message found, unix_time now, entity_effects& out) {
  if (const auto why = refusal(core, wanted, found.row, now)) {
    refuse(wanted.from, *why, out);
    return;
  }
  Message& message = *found.row;
  message.set_text(wanted.text.text);
  *message.mutable_entity() = wanted.text.entities;
  message.set_invert_media(wanted.invert_media);
  message.set_edit_date(std::max(now, message.date()));
  const std::int32_t pts = write_edit(core, found, now, out);
  if (has_other_box(core, found.peer)) {
    send_edit(core, found, now, out);
  }
  if (somebody_hears(core, wanted.from.asker)) {
    std::vector<tl::box<tl::Update>> list;
    list.push_back(edit_update(core, found, pts, pushed_layer));
    tell_sessions(core, std::move(list), people_of(core, found), wanted.from.asker, now, out, pts, 1);
  }
  answer_edit(core, wanted.from, found, {pts, 1}, now, out);
}

/// What an edit that was made before is answered with: the message may have become something else meanwhile. One that has
/// gone since is told so at the pts of the edit, as to whoever hears of that late.
void repeat_edit(box_core& core, const call_context& from, message_id id, const found_message& found,
                 const done_calls::outcome& first, unix_time now, entity_effects& out) {
  if (found.row) {
    return answer_edit(core, from, found, first, now, out);
  }
  auto gone = tl::make<tl::updateDeleteMessages>();
  gone->messages.push_back(id);
  gone->pts = first.pts;
  gone->pts_count = first.pts_count;
  auto answer = tl::make<tl::updates>();
  answer->updates_.push_back(std::move(gone));
  answer->date = now;
  answer_call<fn::messages_editMessage>(from, std::move(answer), out, first.pts, first.pts_count);
}

/// An edit by the peer, as it arrived.
void take_edit(box_core& core, const Message& to, found_message& found, unix_time now, entity_effects& out) {
  found.row->set_text(to.text());
  *found.row->mutable_entity() = to.entity();
  found.row->set_edit_date(to.edit_date());
  found.row->set_invert_media(to.invert_media());
  const std::int32_t pts = write_edit(core, found, now, out);
  if (somebody_hears(core, {})) {
    std::vector<tl::box<tl::Update>> list;
    list.push_back(edit_update(core, found, pts, pushed_layer));
    tell_sessions(core, std::move(list), people_of(core, found), {}, now, out, pts, 1);
  }
}

} // namespace

void edit_message(box_core& core, const call_context& from, const fn::messages_editMessage& what, entity_effects& out) {
  const auto peer = core.people.resolve(what.peer.get());
  if (!peer) {
    return refuse(from, peer.error().errc, out);
  }
  if (what.schedule_date || what.schedule_repeat_period) {
    return refuse(from, rpc_errc::schedule_date_invalid, out);
  }
  if (what.rich_message != nullptr) {
    return refuse(from, rpc_errc::media_invalid, out);
  }
  if (what.id <= 0 || what.quick_reply_shortcut_id) {
    return refuse(from, rpc_errc::message_id_invalid, out);
  }
  static const std::vector<tl::box<tl::MessageEntity>> no_entities;
  auto text =
    take_text(what.message.value_or(std::string()), what.entities ? *what.entities : no_entities, core.people);
  if (!text) {
    return refuse(from, text.error().errc, out);
  }
  auto wanted = std::make_shared<wanted_edit>();
  wanted->from = from;
  wanted->peer = *peer;
  wanted->id = what.id;
  wanted->invert_media = what.invert_media;
  wanted->text = std::move(*text);
  const auto begin = [&core, wanted](unix_time now, entity_effects& more) {
    with_message(core, wanted->peer, wanted->id, now, more,
                 [&core, wanted](found_message found, unix_time later, entity_effects& last) {
                   apply_edit(core, *wanted, std::move(found), later, last);
                   core.operations.done(later, last);
                 });
  };
  const auto repeated = [&core, from, peer = *peer, id = what.id](const done_calls::outcome& first, unix_time now,
                                                                  entity_effects& more) {
    with_message(core, peer, id, now, more,
                 [&core, from, id, first](const found_message& found, unix_time later, entity_effects& last) {
                   repeat_edit(core, from, id, found, first, later, last);
                   core.operations.done(later, last);
                 });
  };
  begin_change(core, from, out, begin, repeated);
}

void edited(box_core& core, const arrival& by, const command::EditedMessage& what, unix_time now, entity_effects& out) {
  learn_card(core, by.from, what, what.message().edit_date());
  auto wanted = std::make_shared<command::EditedMessage>(what);
  core.operations.run_always(now, out, [&core, by, wanted](unix_time began, entity_effects& more) {
    with_origin(core, by.from, wanted->origin_id(), began, more,
                [&core, by, wanted](found_message found, unix_time later, entity_effects& last) {
                  if (found.row && !found.row->has_action() && !is_blocked(core, by.from)) {
                    take_edit(core, wanted->message(), found, later, last);
                  }
                  last.answer(by.ticket, std::string());
                  core.operations.done(later, last);
                });
  });
}

} // namespace godwit::box
