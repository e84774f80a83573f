#include <algorithm>
#include <memory>
#include <utility>

#include "actors/box/box_calls.hpp"
#include "actors/box/message_operations.hpp"
#include "actors/box/message_removal.hpp"
#include "actors/box/message_rows.hpp"
#include "config/limits.hpp"
#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/message_fn.hpp"
#include "protocol/tl/api/update.hpp"

namespace godwit::box {
namespace {

namespace fn = tl::fn;

/// Reads the messages with these ids, of whatever dialogs.
void gather(entity::row_reader& reader, const std::vector<message_id>& ids, removal& what) {
  for (const message_id id : ids) {
    const auto peer = read_place(reader, id);
    const auto message = peer ? read_message(reader, *peer, id) : std::nullopt;
    if (message) {
      what.add(*peer, id, *message);
    }
  }
  what.read_dialogs(reader);
}

/// Reads the messages of one dialog that these origins name.
void gather(entity::row_reader& reader, user_id self, user_id peer, const command::DeletedMessages& named,
            removal& what) {
  std::vector<message_id> ids;
  for (const command::Origin& origin : named.origin()) {
    if (origin.owner() == self.value()) {
      ids.push_back(origin.id());
    } else if (origin.owner() == peer.value()) {
      ids.push_back(read_origin(reader, peer, origin.id()));
    }
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  for (const message_id id : ids) {
    const auto message = id > 0 ? read_message(reader, peer, id) : std::nullopt;
    // What stands for a cleared history is this box's own.
    if (message && !message->action().has_history_clear()) {
      what.add(peer, id, *message);
    }
  }
  what.read_dialogs(reader);
}

void answer_deletion(const call_context& from, const done_calls::outcome& what, entity_effects& out) {
  auto answer = tl::make<tl::messages_affectedMessages>();
  answer->pts = what.pts;
  answer->pts_count = what.pts_count;
  answer_call<fn::messages_deleteMessages>(from, answer, out, what.pts, what.pts_count);
}

void tell_removal(box_core& core, const removal& what, const removed& done, const listener_id& but, unix_time now,
                  entity_effects& out) {
  if (done.count != 0 && somebody_hears(core, but)) {
    tell_sessions(core, removal_update(what, done), but, now, out, done.pts, done.count);
  }
}

} // namespace

void delete_messages(box_core& core, const call_context& from, const fn::messages_deleteMessages& what,
                     entity_effects& out) {
  if (what.id.size() > limits::messages_changed_max) {
    return refuse(from, rpc_errc::input_request_too_long, out);
  }
  auto ids = std::make_shared<std::vector<message_id>>(what.id);
  std::sort(ids->begin(), ids->end());
  ids->erase(std::unique(ids->begin(), ids->end()), ids->end());
  ids->erase(ids->begin(), std::upper_bound(ids->begin(), ids->end(), 0));
  const auto begin = [&core, from, ids, revoke = what.revoke](unix_time, entity_effects& more) {
    auto plan = std::make_shared<removal>();
    more.queries.push_back({[ids, plan](entity::row_reader& reader) { gather(reader, *ids, *plan); },
                            [&core, from, plan, revoke](unix_time now, entity_effects& last) {
                              const removed done = write_removal(core, *plan, now, last);
                              if (revoke) {
                                deliver_removal(core, *plan, now, last);
                              }
                              tell_removal(core, *plan, done, from.asker, now, last);
                              answer_deletion(from, {done.pts, done.count}, last);
                              core.operations.done(now, last);
                            }});
  };
  begin_change(core, from, out, begin,
               [&core, from](const done_calls::outcome& first, unix_time now, entity_effects& more) {
                 answer_deletion(from, first, more);
                 core.operations.done(now, more);
               });
}

void deleted(box_core& core, const arrival& by, const command::DeletedMessages& what, unix_time now,
             entity_effects& out) {
  auto named = std::make_shared<command::DeletedMessages>(what);
  core.operations.run_always(now, out, [&core, by, named](unix_time, entity_effects& more) {
    auto plan = std::make_shared<removal>();
    more.queries.push_back({[self = core.account.self, by, named, plan](entity::row_reader& reader) {
                              gather(reader, self, by.from, *named, *plan);
                            },
                            [&core, by, plan](unix_time later, entity_effects& last) {
                              const removed done = write_removal(core, *plan, later, last);
                              tell_removal(core, *plan, done, {}, later, last);
                              last.answer(by.ticket, std::string());
                              core.operations.done(later, last);
                            }});
  });
}

} // namespace godwit::box
