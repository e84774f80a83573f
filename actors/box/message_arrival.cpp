#include "actors/box/message_arrival.hpp"

#include <memory>
#include <optional>
#include <utility>

#include "actors/box/box_calls.hpp"
#include "actors/box/message_push.hpp"

namespace godwit::box {
namespace {

/// A message on its way into the box.
struct arrival {
  std::uint64_t ticket = 0;
  user_id peer;
  Message message;
  /// What it answers is a message of the peer's, with this number there; 0: it is not.
  message_id answered = 0;
  std::optional<std::string> answered_row; ///< of message_origin
};
using arrival_ptr = std::shared_ptr<arrival>;

/// A reply names a message by its number in this box.
void set_answered(Message& message, message_id id) {
  persistence::records::ReplyTo& reply = *message.mutable_reply_to();
  reply.set_id(id);
  if (id == 0 && !reply.has_quote() && reply.from() == 0 && reply.from_name().empty()) {
    message.clear_reply_to(); // to what this box never had
  }
}

void write(box_core& core, arrival& what, unix_time now, entity_effects& out) {
  Message& row = what.message;
  if (what.answered != 0) {
    persistence::records::MessageOrigin origin;
    const bool known = what.answered_row && origin.ParseFromString(*what.answered_row);
    set_answered(row, known ? origin.id() : 0);
  }
  if (out.rows.empty()) {
    out.rows.reserve(8); // what one message needs
  }
  const message_id id = core.next_message_id();
  out.put(records_table::message, message_key(what.peer, id), row);
  persistence::records::MessagePlace place;
  place.set_peer(what.peer.value());
  out.put(records_table::message_place, place_key(id), place);
  if (row.origin_id() != 0) {
    persistence::records::MessageOrigin origin;
    origin.set_id(id);
    out.put(records_table::message_origin, message_key(what.peer, row.origin_id()), origin);
  }

  Dialog dialog = core.dialogs.find(what.peer)->dialog;
  dialog.set_top_message(id);
  dialog.set_top_date(row.date());
  dialog.set_messages(dialog.messages() + 1);
  dialog.set_unread(dialog.unread() + 1);
  core.dialogs.change(what.peer, dialog, out);

  persistence::records::Update update;
  update.set_peer(what.peer.value());
  update.set_id(id);
  const std::int32_t pts = core.append_update(std::move(update), update_kind::new_message, now, out);
  tell_new_message(core, what.peer, id, row, pts, {}, now, out);
}

void begin(box_core& core, arrival_ptr what, unix_time now, entity_effects& out) {
  core.operations.run_always(now, out, [&core, what = std::move(what)](unix_time at, entity_effects& on) {
    box_core::reading reading;
    if (what->answered != 0) {
      reading = [what](entity::row_reader& reader) {
        what->answered_row = reader.get(records_table::message_origin, message_key(what->peer, what->answered));
      };
    }
    const auto then = [&core, what](unix_time later, entity_effects& more) {
      if (core.account.profile && !is_blocked(core, what->peer)) {
        write(core, *what, later, more);
      }
      more.answer(what->ticket, std::string());
      core.operations.done(later, more);
    };
    core.with_dialog_and(what->peer, std::move(reading), at, on, then);
  });
}

} // namespace

void message_arrives(box_core& core, std::uint64_t ticket, user_id from, command::NewMessage&& what, unix_time now,
                     entity_effects& out) {
  learn_card(core, from, what, what.message().date());
  auto arrives = std::make_shared<arrival>();
  arrives->ticket = ticket;
  arrives->peer = from;
  arrives->message.Swap(what.mutable_message());
  arrives->message.set_out(false);
  arrives->message.set_origin_id(what.origin_id());
  const command::Origin& answers = what.answers();
  if (what.has_answers() && answers.owner() != core.account.self.value()) {
    arrives->answered = answers.id();
  } else if (arrives->message.has_reply_to()) {
    set_answered(arrives->message, what.has_answers() ? answers.id() : 0);
  }
  begin(core, std::move(arrives), now, out);
}

void notice_arrives(box_core& core, std::uint64_t ticket, const command::Notice& what, unix_time now,
                    entity_effects& out) {
  auto arrives = std::make_shared<arrival>();
  arrives->ticket = ticket;
  arrives->peer = people::service_user;
  arrives->message.set_date(now);
  arrives->message.set_text(what.text());
  arrives->message.mutable_entity()->CopyFrom(what.entity());
  begin(core, std::move(arrives), now, out);
}

} // namespace godwit::box
