#include <algorithm>
#include <utility>

#include "actors/box/box_views.hpp"
#include "actors/box/reading_calls.hpp"
#include "config/limits.hpp"
#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/message_fn.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/user.hpp"

namespace godwit::box {
namespace {

/// Everybody whom the messages of a page name; oneself where one wrote.
std::vector<user_id> people_of(const message_page& page, user_id self) {
  people_list whom;
  bool wrote = false;
  for (const found_message& each : page.messages) {
    if (each.peer != user_id{}) {
      whom.add(each.message, each.peer);
      wrote = wrote || each.message.out();
    }
  }
  if (wrote) {
    whom.add(self);
  }
  return whom.take();
}

std::vector<tl::box<tl::Message>> views_of(const message_page& page, user_id self, layer_t layer) {
  std::vector<tl::box<tl::Message>> views;
  views.reserve(page.messages.size());
  for (const found_message& each : page.messages) {
    if (each.peer == user_id{}) {
      auto empty = tl::make<tl::messageEmpty>();
      empty->id = each.id;
      views.push_back(std::move(empty));
    } else {
      views.push_back(message_view(self, each.peer, each.id, each.message, layer));
    }
  }
  return views;
}

/// What a reader's thread made ready.
struct ready_page {
  message_page page;
  std::vector<user_id> whom;
  std::vector<tl::box<tl::Message>> views;
};

rpc_result<std::string> page_answer(ready_page& ready, const people::people& people, layer_t layer, unix_time now) {
  if (ready.page.whole) {
    tl::messages_messages view;
    view.messages = std::move(ready.views);
    people.add_views(view.users, ready.whom, now);
    return stored(view, layer);
  }
  tl::messages_messagesSlice view;
  view.inexact = ready.page.inexact;
  view.count = ready.page.count;
  view.next_rate = ready.page.next_rate;
  view.messages = std::move(ready.views);
  people.add_views(view.users, ready.whom, now);
  return stored(view, layer);
}

/// What getMessages is asked for: a message, or the one that it answers.
struct wanted_message {
  message_id id = 0;
  bool answered_by = false;
};

wanted_message wanted(const tl::InputMessage* what) {
  if (const auto* const id = tl::as<tl::inputMessageID>(what)) {
    return {id->id, false};
  }
  if (const auto* const reply = tl::as<tl::inputMessageReplyTo>(what)) {
    return {reply->id, true};
  }
  if (const auto* const query = tl::as<tl::inputMessageCallbackQuery>(what)) {
    return {query->id, false};
  }
  // The pinned message of no dialog in particular.
  return {};
}

/// One that is not there comes without a peer.
found_message read_message(entity::row_reader& reader, message_id id) {
  found_message found{{}, id, {}};
  if (id <= 0) {
    return found;
  }
  const auto place =
    read_record<persistence::records::MessagePlace>(reader, records_table::message_place, place_key(id));
  if (!place) {
    return found;
  }
  const user_id peer{place->peer()};
  if (auto message = read_record<Message>(reader, records_table::message, message_key(peer, id))) {
    found.peer = peer;
    found.message = std::move(*message);
  }
  return found;
}

} // namespace

void answer_messages(box_core& core, const call_context& from,
                     std::function<void(entity::row_reader&, message_page&)> read, entity_effects& out) {
  auto ready = std::make_shared<ready_page>();
  const user_id self = core.account.self;
  out.queries.push_back({[ready, self, layer = from.layer, read = std::move(read)](entity::row_reader& reader) {
                           ready->page = message_page(); // a reader that was too busy begins again
                           read(reader, ready->page);
                           ready->whom = people_of(ready->page, self);
                           ready->views = views_of(ready->page, self, layer);
                         },
                         [ready, &core, from](unix_time now, entity_effects& more) {
                           if (ready->page.error) {
                             more.answer(from.ticket, unexpected(*ready->page.error));
                             return;
                           }
                           core.people.with(
                             ready->whom, now, more, [ready, &core, from](unix_time later, entity_effects& last) {
                               last.answer(from.ticket, page_answer(*ready, core.people, from.layer, later));
                             });
                         }});
}

void answer_no_messages(const call_context& from, entity_effects& out) {
  out.answer(from.ticket, stored(tl::messages_messages(), from.layer));
}

void get_history(box_core& core, const call_context& from, const tl::fn::messages_getHistory& what,
                 entity_effects& out) {
  const rpc_result<user_id> peer = core.people.resolve(what.peer.get());
  if (!peer) {
    out.answer(from.ticket, unexpected(peer.error()));
    return;
  }
  const message_window window{what.offset_id,  what.offset_date,
                              what.add_offset, std::clamp(what.limit, 0, limits::messages_per_page_max),
                              what.max_id,     what.min_id};
  answer_messages(
    core, from,
    [peer = *peer, window](entity::row_reader& reader, message_page& page) {
      const auto dialog = read_record<Dialog>(reader, records_table::dialog, peer_key(peer));
      page.count = dialog ? dialog->messages() : 0;
      if (page.count != 0 && window.add_offset < page.count) {
        dialog_messages list(reader, peer);
        found_messages found = read_window(list, window, {}, limits::search_rows_max);
        if (found.cut) {
          page.error = rpc_errc::offset_invalid;
        }
        page.messages = std::move(found.messages);
      }
      page.whole = std::cmp_equal(page.messages.size(), page.count);
    },
    out);
}

void get_messages(box_core& core, const call_context& from, const tl::fn::messages_getMessages& what,
                  entity_effects& out) {
  if (what.id.size() > limits::ids_per_read_max) {
    out.answer(from.ticket, unexpected(rpc_error{rpc_errc::limit_invalid}));
    return;
  }
  std::vector<wanted_message> ids;
  ids.reserve(what.id.size());
  for (const tl::box<tl::InputMessage>& each : what.id) {
    ids.push_back(wanted(each.get()));
  }
  answer_messages(
    core, from,
    [ids = std::move(ids)](entity::row_reader& reader, message_page& page) {
      std::size_t bytes = 0;
      page.count = static_cast<std::int32_t>(ids.size());
      for (const wanted_message& each : ids) {
        if (bytes >= limits::page_bytes_max) {
          return; // a slice: those that are left out are not said to be gone
        }
        found_message found = read_message(reader, each.id);
        if (each.answered_by) {
          found = read_message(reader, found.message.reply_to().id());
        }
        people_list named;
        named.add(found.message, found.peer);
        bytes += wire_bytes(found.message) + person_bytes * named.size();
        page.messages.push_back(std::move(found));
      }
      page.whole = true;
    },
    out);
}

} // namespace godwit::box
