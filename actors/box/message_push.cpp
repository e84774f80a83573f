#include "actors/box/message_push.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "actors/box/box_views.hpp"
#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/user.hpp"

namespace godwit::box {

tl::box<tl::Update> new_message_update(user_id self, user_id peer, message_id id, const Message& message,
                                       std::int32_t pts, layer_t layer) {
  auto update = tl::make<tl::updateNewMessage>();
  update->message = message_view(self, peer, id, message, layer);
  update->pts = pts;
  update->pts_count = 1;
  return update;
}

void tell_new_message(box_core& core, user_id peer, message_id id, const Message& message, std::int32_t pts,
                      const entity::listener_id& but, unix_time now, entity_effects& out) {
  const people::listeners& ears = core.account.ears;
  layer_t lowest = 0;
  layer_t highest = 0;
  for (const people::listener& each : ears.all()) {
    if (!(each.id == but)) {
      lowest = lowest == 0 ? each.layer : std::min(lowest, each.layer);
      highest = std::max(highest, each.layer);
    }
  }
  if (highest == 0) {
    return;
  }
  std::vector<user_id> whom;
  add_people(message, peer, whom);
  const auto view = [&](layer_t layer) {
    std::vector<tl::box<tl::Update>> list;
    list.push_back(new_message_update(core.account.self, peer, id, message, pts, layer));
    return updates_with(std::move(list), whom, core, now);
  };
  const auto first = view(lowest);
  if (first == nullptr) {
    ears.tell(tl::updatesTooLong(), but, out, pts, 1);
    core.people.with(whom, now, out, [](unix_time, entity_effects&) {});
  } else if (lowest == highest) {
    ears.tell(*first, but, out, pts, 1);
  } else {
    // What the lowest layer lacks must not be kept from the others.
    for (const people::listener& each : ears.all()) {
      if (!(each.id == but)) {
        people::listeners::tell_one(each, each.layer == lowest ? *first : *view(each.layer), out, pts, 1);
      }
    }
  }
}

} // namespace godwit::box
