#include "actors/box/message_writer.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "actors/box/box_calls.hpp"
#include "actors/box/box_views.hpp"
#include "actors/box/forwarding.hpp"
#include "actors/box/message_push.hpp"
#include "actors/box/reply_target.hpp"
#include "actors/people/card_book.hpp"
#include "config/limits.hpp"
#include "protocol/tl/api/message_fn.hpp"
#include "protocol/tl/api/text.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/user.hpp"

namespace godwit::box {
namespace {

std::optional<Message> read_message(entity::row_reader& reader, user_id peer, message_id id) {
  const auto row = reader.get(records_table::message, message_key(peer, id));
  Message message;
  if (!row || !message.ParseFromString(*row)) {
    return std::nullopt;
  }
  return message;
}

/// On a reader's thread; the logic does not touch the operation meanwhile.
void read_rows(send_operation& what, entity::row_reader& reader) {
  what.search.read(reader);
  for (outgoing& each : what.list) {
    const auto found = std::find_if(what.search.found.begin(), what.search.found.end(),
                                    [&](const auto& one) { return one.first == each.random_id; });
    if (found != what.search.found.end()) {
      each.repeated = found->second;
      each.repeated_row = read_message(reader, user_id{found->second.peer()}, found->second.id());
    } else if (each.source != 0) {
      each.source_row = read_message(reader, what.source, each.source);
    }
  }
  if (what.reply.is_one()) {
    what.answered = read_message(reader, what.reply.peer, what.reply.id);
  }
}

bool is_new(const outgoing& message) { return !message.repeated; }

/// What effects write, from this row and this delivery on.
std::size_t bytes_from(const entity_effects& out, std::size_t row, std::size_t delivery) {
  std::size_t bytes = 0;
  for (; row < out.rows.size(); ++row) {
    bytes += out.rows[row].sub_key.size() + (out.rows[row].value ? out.rows[row].value->size() : 0);
  }
  for (; delivery < out.deliveries.size(); ++delivery) {
    bytes += out.deliveries[delivery].body.size();
  }
  return bytes;
}

} // namespace

void message_writer::begin(send_operation_ptr what, entity_effects& out) {
  begin_call(core_, what->from, out, [this, what](unix_time now, entity_effects& more) { read(what, now, more); });
}

/// Nothing is read for most messages: a new random_id into a dialog in memory.
void message_writer::read(const send_operation_ptr& what, unix_time now, entity_effects& out) {
  if (what->list.size() == 1) {
    what->search = sent_.ask({&what->list.front().random_id, 1}, now);
  } else {
    std::vector<std::int64_t> random_ids;
    for (const outgoing& each : what->list) {
      random_ids.push_back(each.random_id);
    }
    what->search = sent_.ask(random_ids, now);
  }
  box_core::reading reading;
  if (what->search.needed() || what->reply.is_one() || what->forwards) {
    reading = [what](entity::row_reader& reader) { read_rows(*what, reader); };
  }
  core_.with_dialog_and(what->to, std::move(reading), now, out, [this, what](unix_time later, entity_effects& more) {
    if (what->search.needed()) {
      sent_.learn(what->search, more);
    }
    decide(what, later, more);
  });
}

void message_writer::decide(const send_operation_ptr& what, unix_time now, entity_effects& out) {
  // A random_id is one message's: what another dialog was sent under it says nothing of this one.
  const auto is_elsewhere = [&](const outgoing& each) {
    return each.repeated && user_id{each.repeated->peer()} != what->to;
  };
  if (std::any_of(what->list.begin(), what->list.end(), is_elsewhere)) {
    refuse(what->from, rpc_errc::random_id_invalid, out);
    core_.operations.done(now, out);
    return;
  }
  if (std::any_of(what->list.begin(), what->list.end(), is_new)) {
    if (const auto wrong = prepare(*what)) {
      refuse(what->from, *wrong, out);
      core_.operations.done(now, out);
      return;
    }
  }
  write(what, now, out);
}

/// What depends on the state of the box. A repeat is answered whatever that is now.
std::optional<rpc_errc> message_writer::prepare(send_operation& what) const {
  if (has_other_box(core_, what.to)) {
    if (is_blocked(core_, what.to)) {
      return rpc_errc::you_blocked_user;
    }
    const people::card_ptr card = core_.account.options.cards->find(what.to);
    if (card != nullptr && card->deleted()) {
      return rpc_errc::input_user_deactivated;
    }
  }
  return what.forwards ? add_forwards(what, core_) : add_reply(what, core_);
}

/// One mutation, unless that would be too large: messages are deduplicated each alone, and so may be written in turn.
void message_writer::write(const send_operation_ptr& what, unix_time now, entity_effects& out) {
  std::size_t bytes = 0;
  for (; what->written < what->list.size(); ++what->written) {
    outgoing& each = what->list[what->written];
    if (!is_new(each)) {
      continue;
    }
    if (bytes > limits::box_mutation_bytes) {
      out.queries.push_back({[](entity::row_reader&) {},
                             [this, what](unix_time later, entity_effects& more) {
                               core_.with_dialog(what->to, later, more, [this, what](unix_time at, entity_effects& on) {
                                 write(what, at, on);
                               });
                             }});
      return;
    }
    const std::size_t rows = out.rows.size();
    const std::size_t deliveries = out.deliveries.size();
    write_one(*what, each, now, out);
    bytes += bytes_from(out, rows, deliveries);
  }
  if (what->clear_draft) {
    settings_.clear_draft(what->to, what->from.asker, now, out);
  }
  answer(what, now, out);
  core_.operations.done(now, out);
}

void message_writer::write_one(send_operation& what, outgoing& message, unix_time now, entity_effects& out) {
  if (out.rows.empty()) {
    out.rows.reserve(8); // what one message needs
  }
  message.id = core_.next_message_id();
  message.date = now;
  Message& row = message.message;
  row.set_out(true);
  row.set_date(now);
  out.put(records_table::message, message_key(what.to, message.id), row);
  persistence::records::MessagePlace place;
  place.set_peer(what.to.value());
  out.put(records_table::message_place, place_key(message.id), place);

  Dialog dialog = core_.dialogs.find(what.to)->dialog;
  dialog.set_top_message(message.id);
  dialog.set_top_date(now);
  dialog.set_messages(dialog.messages() + 1);
  if (what.to == core_.account.self) {
    dialog.set_read_inbox_max_id(message.id);
    dialog.set_read_outbox_max_id(message.id);
  }
  core_.dialogs.change(what.to, dialog, out);

  persistence::records::Update update;
  update.set_peer(what.to.value());
  update.set_id(message.id);
  update.set_on(true);
  message.pts = core_.append_update(std::move(update), update_kind::new_message, now, out);

  Sent sent;
  sent.set_id(message.id);
  sent.set_pts(message.pts);
  sent.set_date(now);
  sent.set_peer(what.to.value());
  sent_.remember(message.random_id, sent, now, out);

  deliver_one(what, message, now, out);
  tell_new_message(core_, what.to, message.id, row, message.pts, what.from.asker, now, out);
}

void message_writer::deliver_one(const send_operation& what, outgoing& message, unix_time now,
                                 entity_effects& out) const {
  if (!has_other_box(core_, what.to)) {
    return;
  }
  command::Delivery delivery;
  delivery.set_from(core_.account.self.value());
  delivery.set_date(now);
  command::NewMessage& told = *delivery.mutable_message();
  told.set_origin_id(message.id);
  add_own_card(core_, told, now);
  if (message.answered_id != 0) {
    told.mutable_answers()->set_owner(message.answered_owner.value());
    told.mutable_answers()->set_id(message.answered_id);
  }
  // The message is lent, not copied.
  message.message.set_out(false);
  told.unsafe_arena_set_allocated_message(&message.message);
  const auto to = cluster::entity_id{static_cast<std::uint64_t>(what.to.value())};
  out.deliveries.push_back({{cluster::entity_kind::user, to}, delivery.SerializeAsString()});
  told.unsafe_arena_release_message();
  message.message.set_out(true);
}

// --- answers -----------------------------------------------------------------------------------------

void message_writer::answer(const send_operation_ptr& what, unix_time now, entity_effects& out) {
  for (outgoing& each : what->list) {
    if (each.repeated) {
      each.id = each.repeated->id();
      each.pts = each.repeated->pts();
      each.date = each.repeated->date();
    }
  }
  const outgoing& first = what->list.front();
  // A repeat may have been another call the first time, and its message may be gone.
  const bool gone = first.repeated && !first.repeated_row;
  // What was to be answered may be gone: the short form would leave the client believing that it is not.
  const Message* const row = is_new(first) ? &first.message : first.repeated_row ? &*first.repeated_row : nullptr;
  const bool answers_nothing = what->reply.is_one() && row != nullptr && !row->has_reply_to();
  if (!what->forwards && !answers_nothing && (what->to != core_.account.self || gone)) {
    answer_shortly(*what, out);
    return;
  }
  std::vector<user_id> whom;
  for (const outgoing& each : what->list) {
    if (!each.repeated) {
      add_people(each.message, what->to, whom);
    } else if (each.repeated_row) {
      add_people(*each.repeated_row, what->to, whom);
    }
  }
  core_.people.with(whom, now, out, [this, what, whom](unix_time later, entity_effects& more) {
    answer_fully(*what, whom, later, more);
  });
}

void message_writer::answer_shortly(const send_operation& what, entity_effects& out) const {
  const outgoing& sent = what.list.front();
  tl::updateShortSentMessage answer;
  answer.out = true;
  answer.id = sent.id;
  answer.pts = sent.pts;
  answer.pts_count = 1;
  answer.date = sent.date;
  const Message* const row = is_new(sent) ? &sent.message : sent.repeated_row ? &*sent.repeated_row : nullptr;
  if (row != nullptr && row->entity_size() != 0) {
    answer.entities = entity_views(row->entity(), what.from.layer);
  }
  out.answer(what.from.ticket, stored(answer, what.from.layer), sent.pts, sent.pts > 0 ? 1 : 0);
}

void message_writer::answer_fully(const send_operation& what, const std::vector<user_id>& whom, unix_time now,
                                  entity_effects& out) const {
  tl::updates answer;
  std::int32_t pts = 0;
  std::set<std::int32_t> told;
  for (const outgoing& each : what.list) {
    auto number = tl::make<tl::updateMessageID>();
    number->id = each.id;
    number->random_id = each.random_id;
    answer.updates_.push_back(std::move(number));
    pts = std::max(pts, each.pts);
  }
  for (const outgoing& each : what.list) {
    const Message* const row = is_new(each) ? &each.message : each.repeated_row ? &*each.repeated_row : nullptr;
    if (row != nullptr) {
      answer.updates_.push_back(
        new_message_update(core_.account.self, what.to, each.id, *row, each.pts, what.from.layer));
      told.insert(each.pts);
    }
  }
  core_.people.add_views(answer.users, whom, now);
  answer.date = now;
  // Some may have been sent before, and be told at the pts of then.
  std::int32_t pts_count = 0;
  while (pts > pts_count && told.contains(pts - pts_count)) {
    ++pts_count;
  }
  out.answer(what.from.ticket, stored(answer, what.from.layer), pts, pts_count);
}

} // namespace godwit::box
