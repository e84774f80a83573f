#include "actors/people/listeners.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "config/limits.hpp"
#include "protocol/tl/object.hpp"
#include "protocol/tl/writer.hpp"

namespace godwit::people {
namespace {

using update_bytes = std::shared_ptr<const std::string>;

/// updatesTooLong, the same in every layer.
const update_bytes& too_long() {
  static const update_bytes bytes = std::make_shared<const std::string>("\x7e\xaf\x17\xe3");
  return bytes;
}

/// What a layer hears of an object; null: nothing.
update_bytes stored_for(const tl::object& updates, layer_t layer, std::int32_t pts) {
  std::string bytes;
  tl::writer out(bytes);
  updates.store(out, layer);
  if (out.ok()) {
    return std::make_shared<const std::string>(std::move(bytes));
  }
  return pts != 0 ? too_long() : nullptr;
}

void send(const listener& whom, const update_bytes& update, entity_effects& out, std::int32_t pts,
          std::int32_t pts_count) {
  if (update != nullptr) {
    out.messages.push_back({.to = whom.id, .update = update, .terminated = {}, .pts = pts, .pts_count = pts_count});
  }
}

} // namespace

listener* listeners::find(const listener_id& who) {
  const auto found = std::find_if(all_.begin(), all_.end(), [&](const listener& each) { return each.id == who; });
  return found == all_.end() ? nullptr : &*found;
}

listener* listeners::add(const listener_id& who) {
  if (listener* known = find(who)) {
    return known;
  }
  if (all_.size() >= limits::listeners_per_user_max) {
    return nullptr;
  }
  all_.push_back({.id = who,
                  .authorization = {},
                  .layer = 0,
                  .instance = 0,
                  .online_until = 0,
                  .online_guessed = false,
                  .catching_up = false});
  return &all_.back();
}

void listeners::remove(const listener_id& who) {
  std::erase_if(all_, [&](const listener& each) { return each.id == who; });
}

void listeners::guess_no_more() {
  for (listener& each : all_) {
    each.online_until = std::exchange(each.online_guessed, false) ? 0 : each.online_until;
  }
}

unix_time listeners::online_until(unix_time now) const {
  unix_time latest = 0;
  for (const listener& each : all_) {
    latest = std::max(latest, each.online_until);
  }
  return latest > now ? latest : 0;
}

template <class Wanted>
void listeners::tell_those(const tl::object& updates, entity_effects& out, std::int32_t pts, std::int32_t pts_count,
                           const Wanted& wanted) const {
  struct layer_bytes {
    layer_t layer;
    update_bytes bytes;
  };
  // Most accounts have sessions of one or two layers: no map is faster.
  std::vector<layer_bytes> stored;
  for (const listener& each : all_) {
    if (!wanted(each) || (each.catching_up && pts != 0)) {
      continue;
    }
    auto found =
      std::find_if(stored.begin(), stored.end(), [&](const layer_bytes& one) { return one.layer == each.layer; });
    if (found == stored.end()) {
      found = stored.insert(stored.end(), {each.layer, stored_for(updates, each.layer, pts)});
    }
    send(each, found->bytes, out, pts, pts_count);
  }
}

void listeners::tell(const tl::object& updates, const listener_id& but, entity_effects& out, std::int32_t pts,
                     std::int32_t pts_count) const {
  tell_those(updates, out, pts, pts_count, [&](const listener& each) { return !(each.id == but); });
}

void listeners::tell_online(const tl::object& updates, unix_time now, entity_effects& out) const {
  tell_those(updates, out, 0, 0, [&](const listener& each) { return each.online_until > now; });
}

void listeners::tell_one(const listener& whom, const tl::object& updates, entity_effects& out, std::int32_t pts,
                         std::int32_t pts_count) {
  if (!whom.catching_up || pts == 0) {
    send(whom, stored_for(updates, whom.layer, pts), out, pts, pts_count);
  }
}

} // namespace godwit::people
