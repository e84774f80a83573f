#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "actors/box/box_calls.hpp"
#include "actors/box/box_views.hpp"
#include "actors/box/message_operations.hpp"
#include "actors/box/message_removal.hpp"
#include "actors/box/message_rows.hpp"
#include "config/limits.hpp"
#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/message_fn.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/update.hpp"

namespace godwit::box {
namespace {

namespace fn = tl::fn;

/// What one call deletes of a dialog, the oldest messages first, so that its newest one changes with the last call.
struct history_removal {
  call_context from;
  user_id peer;
  message_id max_id = 0; ///< 0: all
  unix_time after = std::numeric_limits<unix_time>::min();
  unix_time before = std::numeric_limits<unix_time>::max();
  bool just_clear = false;
  bool revoke = false;

  removal what;
  message_id next = 0; ///< where the reading goes on, when it has met nothing that is meant; 0: from the beginning
  bool more = false;
  /// The message that stays where nothing else does, to say that the history was cleared.
  message_id cleared = 0;
  Message was;
};

/// Dates grow with ids but for what a lane held up.
constexpr unix_time date_slack_seconds = 86'400;

/// The first message of a dialog from this id on; 0: there is none.
std::pair<message_id, unix_time> first_from(entity::row_reader& reader, user_id peer, message_id id, message_id top) {
  std::pair<message_id, unix_time> found;
  reader.scan(records_table::message, message_key(peer, id), message_key(peer, top + 1),
              [&](std::string_view key, std::string_view value) {
                Message message;
                message.ParseFromArray(value.data(), static_cast<int>(value.size()));
                found = {read_message_key(key).value_or(message_place{}).id, message.date()};
                return false;
              });
  return found;
}

/// An id in front of which no message of a dialog has this date, by halving.
message_id first_of_date(entity::row_reader& reader, user_id peer, unix_time date, message_id top) {
  message_id low = 1;
  message_id high = top;
  while (low < high) {
    const message_id middle = low + (high - low) / 2;
    const auto [id, its_date] = first_from(reader, peer, middle, top);
    if (id != 0 && its_date < date) {
      low = id + 1;
    } else {
      high = middle;
    }
  }
  return std::min(low, top);
}

/// False: this was a long part of the dialog in which nothing is meant, and more of it follows.
bool gather(entity::row_reader& reader, history_removal& wanted) {
  Dialog dialog;
  const auto row = reader.get(records_table::dialog, peer_key(wanted.peer));
  if (!row || !dialog.ParseFromString(*row) || dialog.top_message() == 0) {
    return true;
  }
  const message_id top = dialog.top_message();
  const message_id last = wanted.max_id <= 0 ? top : std::min(top, wanted.max_id);
  message_id first = std::max(wanted.next, message_id{1});
  if (wanted.next == 0 && wanted.after > date_slack_seconds) {
    first = first_of_date(reader, wanted.peer, wanted.after - date_slack_seconds, top);
  }
  std::size_t taken = 0;
  std::size_t passed = 0;
  std::optional<Message> last_taken;
  const auto visit = [&](std::string_view key, std::string_view value) {
    const message_id id = read_message_key(key).value_or(message_place{}).id;
    Message message;
    message.ParseFromArray(value.data(), static_cast<int>(value.size()));
    if (message.date() - date_slack_seconds > wanted.before) {
      return false;
    }
    const bool is_meant = message.date() > wanted.after && message.date() < wanted.before &&
                          !(wanted.just_clear && message.action().has_history_clear());
    if (!is_meant) {
      wanted.next = id + 1;
      return ++passed < limits::messages_passed_max;
    }
    if (taken == limits::messages_changed_max) {
      wanted.more = true;
      return false;
    }
    ++taken;
    wanted.what.add(wanted.peer, id, message);
    last_taken = std::move(message);
    return true;
  };
  reader.scan(records_table::message, message_key(wanted.peer, first), message_key(wanted.peer, last + 1), visit);
  if (passed == limits::messages_passed_max && taken == 0) {
    return false;
  }
  wanted.more |= passed == limits::messages_passed_max;
  wanted.what.read_dialogs(reader);
  if (wanted.just_clear && taken != 0 && wanted.what.dialogs.front().takes_top &&
      wanted.what.dialogs.front().next_top == 0) {
    wanted.cleared = top;
    wanted.was = std::move(*last_taken);
  }
  return true;
}

/// Turns the message that stays into one that tells of nothing but the clearing. Yields what it is now.
Message write_cleared(box_core& core, const history_removal& wanted, entity_effects& out) {
  const user_id peer = wanted.peer;
  const message_id id = wanted.cleared;
  Dialog dialog = core.dialogs.find(peer)->dialog;
  if (!wanted.was.out() && wanted.was.origin_id() != 0) {
    out.erase(records_table::message_origin, message_key(peer, wanted.was.origin_id()));
  }
  if (wanted.was.pinned()) {
    out.erase(records_table::message_pinned, message_key(peer, id));
    dialog.set_pinned_messages(dialog.pinned_messages() - 1);
  }
  if (!wanted.was.out() && id > dialog.read_inbox_max_id()) {
    dialog.set_unread(dialog.unread() - 1);
  }
  Message now_is;
  now_is.set_out(true);
  now_is.set_date(wanted.was.date());
  now_is.mutable_action()->set_history_clear(true);
  out.put(records_table::message, message_key(peer, id), now_is);
  core.dialogs.change(peer, dialog, out);
  return now_is;
}

tl::box<tl::Update> cleared_update(const box_core& core, const history_removal& wanted, const Message& message,
                                   std::int32_t pts) {
  auto update = tl::make<tl::updateEditMessage>();
  update->message = message_view(core.account.self, wanted.peer, wanted.cleared, message, pushed_layer);
  update->pts = pts;
  update->pts_count = 1;
  return update;
}

void answer_removal(const call_context& from, const removed& done, bool more, entity_effects& out) {
  auto answer = tl::make<tl::messages_affectedHistory>();
  answer->pts = done.pts;
  answer->pts_count = done.count;
  answer->offset = more ? done.count : 0;
  answer_call<fn::messages_deleteHistory>(from, answer, out, done.pts, done.count);
}

void apply(box_core& core, history_removal& wanted, unix_time now, entity_effects& out) {
  if (wanted.more) {
    core.calls.unfinished();
  }
  if (wanted.revoke) {
    deliver_removal(core, wanted.what, now, out);
  }
  if (wanted.cleared != 0) {
    dialog_removal& part = wanted.what.dialogs.front();
    part.gone.pop_back();
    part.takes_top = false;
    core.dialogs.learn(wanted.peer, part.dialog);
    core.dialogs.hold(wanted.peer, core.operations.number());
  }
  removed done = write_removal(core, wanted.what, now, out);
  std::vector<tl::box<tl::Update>> list;
  if (done.count != 0) {
    list.push_back(removal_update(wanted.what, done));
  }
  std::vector<user_id> whom;
  if (wanted.cleared != 0) {
    const Message message = write_cleared(core, wanted, out);
    persistence::records::Update update;
    update.set_peer(wanted.peer.value());
    update.set_id(wanted.cleared);
    done.pts = core.append_update(std::move(update), update_kind::edit_message, now, out);
    ++done.count;
    list.push_back(cleared_update(core, wanted, message, done.pts));
    whom = {core.account.self, wanted.peer};
  }
  if (done.count != 0) {
    tell_sessions(core, std::move(list), whom, wanted.from.asker, now, out, done.pts, done.count);
  }
  answer_removal(wanted.from, done, wanted.more, out);
}

/// Part by part until something is found: a call that takes nothing says that there is nothing more.
void read_and_apply(box_core& core, const std::shared_ptr<history_removal>& wanted, unix_time now,
                    entity_effects& out) {
  const auto all_read = std::make_shared<bool>(false);
  core.with_dialog_and(
    wanted->peer, [wanted, all_read](entity::row_reader& reader) { *all_read = gather(reader, *wanted); }, now, out,
    [&core, wanted, all_read](unix_time later, entity_effects& more) {
      if (!*all_read) {
        return read_and_apply(core, wanted, later, more);
      }
      apply(core, *wanted, later, more);
      core.operations.done(later, more);
    });
}

} // namespace

void delete_history(box_core& core, const call_context& from, const fn::messages_deleteHistory& what,
                    entity_effects& out) {
  const auto peer = core.people.resolve(what.peer.get());
  if (!peer) {
    return refuse(from, peer.error().errc, out);
  }
  if (what.max_id < 0) {
    return refuse(from, rpc_errc::message_id_invalid, out);
  }
  auto wanted = std::make_shared<history_removal>();
  wanted->from = from;
  wanted->peer = *peer;
  wanted->max_id = what.max_id;
  wanted->just_clear = what.just_clear;
  wanted->revoke = what.revoke;
  if (what.min_date.value_or(0) > 0) {
    wanted->after = *what.min_date;
  }
  if (what.max_date.value_or(0) > 0) {
    wanted->before = *what.max_date;
  }
  const auto begin = [&core, wanted](unix_time now, entity_effects& more) { read_and_apply(core, wanted, now, more); };
  // Messages came meanwhile that the client did not mean.
  begin_change(core, from, out, begin,
               [&core, from](const done_calls::outcome& first, unix_time now, entity_effects& more) {
                 answer_removal(from, {first.pts, first.pts_count}, false, more);
                 core.operations.done(now, more);
               });
}

} // namespace godwit::box
