#include <algorithm>
#include <memory>
#include <utility>

#include "actors/box/box_calls.hpp"
#include "actors/box/box_views.hpp"
#include "actors/box/message_operations.hpp"
#include "actors/box/unread_marks.hpp"
#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/message_fn.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/update.hpp"

namespace godwit::box {
namespace {

namespace fn = tl::fn;

/// What a reading passes over: each message once in its life, for what was read stays read.
struct read_stretch {
  user_id peer;
  message_id after = 0;
  message_id last = 0;
  bool to_the_end = false;

  std::int32_t incoming = 0;
  message_id newest_origin = 0; ///< the author's number of the newest incoming one
};

void gather(entity::row_reader& reader, read_stretch& what) {
  reader.scan_back(records_table::message, message_key(what.peer, what.after + 1),
                   message_key(what.peer, what.last + 1), [&](std::string_view, std::string_view value) {
                     Message message;
                     message.ParseFromArray(value.data(), static_cast<int>(value.size()));
                     if (message.out()) {
                       return true;
                     }
                     ++what.incoming;
                     what.newest_origin = std::max(what.newest_origin, message.origin_id());
                     // With nothing unread left they need not be counted.
                     return !what.to_the_end || what.newest_origin == 0;
                   });
}

void answer_reading(const call_context& from, const done_calls::outcome& what, entity_effects& out) {
  auto answer = tl::make<tl::messages_affectedMessages>();
  answer->pts = what.pts;
  answer->pts_count = what.pts_count;
  answer_call<fn::messages_readHistory>(from, answer, out, what.pts, what.pts_count);
}

void write_reading(box_core& core, const call_context& from, const read_stretch& what, Dialog dialog, unix_time now,
                   entity_effects& out) {
  dialog.set_unread(what.to_the_end ? 0 : std::max(0, dialog.unread() - what.incoming));
  dialog.set_read_inbox_max_id(what.last);
  core.dialogs.change(what.peer, dialog, out);
  persistence::records::Update update;
  update.set_peer(what.peer.value());
  update.set_id(what.last);
  update.set_unread(dialog.unread());
  const std::int32_t pts = core.append_update(std::move(update), update_kind::read_inbox, now, out);
  if (has_other_box(core, what.peer) && what.newest_origin != 0) {
    command::Delivery delivery;
    delivery.mutable_read()->set_max_id(what.newest_origin);
    deliver(core, what.peer, std::move(delivery), now, out);
  }
  if (somebody_hears(core, from.asker)) {
    auto view = tl::make<tl::updateReadHistoryInbox>();
    view->peer = peer_view(what.peer);
    view->max_id = what.last;
    view->still_unread_count = dialog.unread();
    view->pts = pts;
    view->pts_count = 1;
    tell_sessions(core, std::move(view), from.asker, now, out, pts, 1);
  }
}

void read_dialog(box_core& core, const call_context& from, user_id peer, message_id max_id, unix_time now,
                 entity_effects& out) {
  Dialog dialog = core.dialogs.find(peer)->dialog;
  if (dialog.unread_mark()) {
    set_unread_mark(core, peer, false, dialog, from.asker, now, out);
    core.dialogs.change(peer, dialog, out);
  }
  const message_id top = dialog.top_message();
  auto what = std::make_shared<read_stretch>();
  what->peer = peer;
  what->after = dialog.read_inbox_max_id();
  what->last = max_id == 0 ? top : std::min(max_id, top);
  what->to_the_end = what->last == top;
  if (dialog.unread() == 0 || what->last <= what->after) {
    answer_reading(from, {core.account.box.pts(), 0}, out);
    core.operations.done(now, out);
    return;
  }
  out.queries.push_back({[what](entity::row_reader& reader) { gather(reader, *what); },
                         [&core, from, what, dialog](unix_time later, entity_effects& last) {
                           if (what->incoming != 0) {
                             write_reading(core, from, *what, dialog, later, last);
                           }
                           answer_reading(from, {core.account.box.pts(), what->incoming != 0 ? 1 : 0}, last);
                           core.operations.done(later, last);
                         }});
}

} // namespace

void read_history(box_core& core, const call_context& from, const fn::messages_readHistory& what, entity_effects& out) {
  const auto peer = core.people.resolve(what.peer.get());
  if (!peer) {
    return refuse(from, peer.error().errc, out);
  }
  if (what.max_id < 0) {
    return refuse(from, rpc_errc::message_id_invalid, out);
  }
  const auto begin = [&core, from, peer = *peer, max_id = what.max_id](unix_time now, entity_effects& more) {
    core.with_dialog(peer, now, more, [&core, from, peer, max_id](unix_time later, entity_effects& last) {
      read_dialog(core, from, peer, max_id, later, last);
    });
  };
  begin_change(core, from, out, begin,
               [&core, from](const done_calls::outcome& first, unix_time now, entity_effects& more) {
                 answer_reading(from, first, more);
                 core.operations.done(now, more);
               });
}

void read_by_peer(box_core& core, const arrival& by, const command::ReadMessages& what, unix_time now,
                  entity_effects& out) {
  core.operations.run_always(now, out, [&core, by, max_id = what.max_id()](unix_time began, entity_effects& more) {
    core.with_dialog(by.from, began, more, [&core, by, max_id](unix_time later, entity_effects& last) {
      Dialog dialog = core.dialogs.find(by.from)->dialog;
      const message_id read = std::min(max_id, core.account.box.last_message_id());
      if (dialog.top_message() != 0 && read > dialog.read_outbox_max_id()) {
        dialog.set_read_outbox_max_id(read);
        dialog.set_read_outbox_date(later);
        core.dialogs.change(by.from, dialog, last);
        persistence::records::Update update;
        update.set_peer(by.from.value());
        update.set_id(read);
        const std::int32_t pts = core.append_update(std::move(update), update_kind::read_outbox, later, last);
        if (somebody_hears(core, {})) {
          auto view = tl::make<tl::updateReadHistoryOutbox>();
          view->peer = peer_view(by.from);
          view->max_id = read;
          view->pts = pts;
          view->pts_count = 1;
          tell_sessions(core, std::move(view), {}, later, last, pts, 1);
        }
      }
      last.answer(by.ticket, std::string());
      core.operations.done(later, last);
    });
  });
}

} // namespace godwit::box
