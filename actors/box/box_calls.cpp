#include "actors/box/box_calls.hpp"

#include <algorithm>

#include "actors/box/box_views.hpp"
#include "cluster/base/entity.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/user.hpp"

namespace godwit::box {

void begin_call(box_core& core, const call_context& from, entity_effects& out, continuation begin) {
  if (!core.operations.run(from.now, out, std::move(begin))) {
    out.answer(from.ticket, unexpected(rpc_error{rpc_errc::flood_wait, 1}));
  }
}

void begin_change(box_core& core, const call_context& from, entity_effects& out, continuation begin,
                  repetition repeated) {
  begin_call(
    core, from, out,
    [&core, from, begin = std::move(begin), repeated = std::move(repeated)](unix_time now, entity_effects& more) {
      if (from.body != 0) {
        if (auto first = core.calls.find(from, now)) {
          if (first->pts == 0) {
            first->pts = core.account.box.pts(); // of a row that does not say: nothing is told
          }
          return repeated(*first, now, more);
        }
        core.calls.begin(from, core.operations.number());
      }
      begin(now, more);
    });
}

void refuse(const call_context& from, rpc_errc why, entity_effects& out) {
  out.answer(from.ticket, unexpected(rpc_error{why}));
}

bool has_other_box(const box_core& core, user_id peer) {
  return peer != core.account.self && peer != people::service_user && peer.value() > 0;
}

bool is_blocked(const box_core& core, user_id peer) {
  const people::Relation* const relation = core.people.relation(peer);
  return relation != nullptr && relation->blocked_at() != 0;
}

void deliver(const box_core& core, user_id peer, command::Delivery what, unix_time now, entity_effects& out) {
  what.set_from(core.account.self.value());
  what.set_date(now);
  const cluster::entity_ref to{cluster::entity_kind::user,
                               cluster::entity_id{static_cast<std::uint64_t>(peer.value())}};
  out.deliveries.push_back({to, what.SerializeAsString()});
}

bool somebody_hears(const box_core& core, const listener_id& but) {
  const auto& all = core.account.ears.all();
  return std::any_of(all.begin(), all.end(), [&](const people::listener& each) { return !(each.id == but); });
}

void tell_sessions(box_core& core, std::vector<tl::box<tl::Update>> list, const std::vector<user_id>& whom,
                   const listener_id& but, unix_time now, entity_effects& out, std::int32_t pts,
                   std::int32_t pts_count) {
  if (!somebody_hears(core, but)) {
    return;
  }
  if (const auto view = updates_with(std::move(list), whom, core, now)) {
    core.account.ears.tell(*view, but, out, pts, pts_count);
    return;
  }
  core.account.ears.tell(tl::updatesTooLong(), but, out, pts, pts_count);
  core.people.with(whom, now, out, [](unix_time, entity_effects&) {});
}

void tell_sessions(box_core& core, tl::box<tl::Update> what, const listener_id& but, unix_time now, entity_effects& out,
                   std::int32_t pts, std::int32_t pts_count) {
  std::vector<tl::box<tl::Update>> list;
  list.push_back(std::move(what));
  tell_sessions(core, std::move(list), {}, but, now, out, pts, pts_count);
}

} // namespace godwit::box
