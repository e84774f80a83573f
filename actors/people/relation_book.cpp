#include "actors/people/relation_book.hpp"

#include "config/limits.hpp"

namespace godwit::people {

std::string relation_key(user_id whom) { return entity::id_sub_key(static_cast<std::uint64_t>(whom.value())); }

std::string blocked_key(unix_time at, user_id whom) {
  const std::uint32_t inverted = ~static_cast<std::uint32_t>(at);
  std::string key;
  for (int shift = 24; shift >= 0; shift -= 8) {
    key.push_back(static_cast<char>(inverted >> shift & 0xff));
  }
  return key + relation_key(whom);
}

std::optional<blocked_place> read_blocked_key(std::string_view key) {
  if (key.size() != 12) {
    return std::nullopt;
  }
  std::uint32_t inverted = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    inverted = inverted << 8 | static_cast<unsigned char>(key[i]);
  }
  const auto whom = entity::id_of_sub_key(key.substr(4));
  if (!whom) {
    return std::nullopt;
  }
  return blocked_place{static_cast<unix_time>(~inverted), user_id{static_cast<std::int64_t>(*whom)}};
}

const Relation* relation_book::find(user_id whom) {
  const auto found = kept_.find(whom.value());
  if (found == kept_.end()) {
    return nullptr;
  }
  order_.splice(order_.end(), order_, found->second.place);
  return &found->second.what;
}

void relation_book::learn(user_id whom, const std::optional<std::string>& row) {
  if (kept_.contains(whom.value())) {
    return;
  }
  Relation what;
  if (const auto changed_since = changes_.find(whom.value()); changed_since != changes_.end()) {
    what = changed_since->second.to;
  } else if (row) {
    what.ParseFromString(*row);
  }
  keep(whom.value()).what = std::move(what);
  trim();
}

void relation_book::put(user_id whom, const Relation& to, entity_effects& out) {
  kept& place = keep(whom.value());
  const Relation& was = place.what;
  const std::string key = relation_key(whom);
  const bool empty = !to.has_contact() && !to.has_me() && to.blocked_at() == 0 && !to.hides();
  if (empty) {
    out.erase(records_table::user_relation, key);
  } else {
    out.put(records_table::user_relation, key, to);
  }
  if (to.has_contact()) {
    out.put(records_table::user_contact, key, to);
  } else if (was.has_contact()) {
    out.erase(records_table::user_contact, key);
  }
  if (was.blocked_at() != to.blocked_at()) {
    if (was.blocked_at() != 0) {
      out.erase(records_table::user_blocked, blocked_key(was.blocked_at(), whom));
    }
    if (to.blocked_at() != 0) {
      out.put_mark(records_table::user_blocked, blocked_key(to.blocked_at(), whom));
    }
  }
  contacts_delta_ += static_cast<int>(to.has_contact()) - static_cast<int>(was.has_contact());
  blocked_delta_ += static_cast<int>(to.blocked_at() != 0) - static_cast<int>(was.blocked_at() != 0);
  remember(whom.value(), to);
  place.what = to;
  if (changed) {
    changed(whom, to);
  }
  trim();
}

void relation_book::pin(std::span<const user_id> whom) {
  for (const user_id each : whom) {
    ++pins_[each.value()];
  }
}

void relation_book::unpin(std::span<const user_id> whom) {
  for (const user_id each : whom) {
    const auto found = pins_.find(each.value());
    if (found != pins_.end() && --found->second == 0) {
      pins_.erase(found);
    }
  }
  trim();
}

void relation_book::each(const std::function<void(user_id, const Relation&)>& visit) const {
  for (const auto& [whom, entry] : kept_) {
    visit(user_id{whom}, entry.what);
  }
}

relation_book::kept& relation_book::keep(std::int64_t whom) {
  const auto [found, fresh] = kept_.try_emplace(whom);
  if (fresh) {
    found->second.place = order_.insert(order_.end(), whom);
  } else {
    order_.splice(order_.end(), order_, found->second.place);
  }
  return found->second;
}

void relation_book::trim() {
  // Each entry is looked at once at most: when all are pinned, all stay. The last one was asked for just now.
  for (std::size_t looked_at = order_.size(); kept_.size() > limits::relations_in_memory_max && looked_at > 1;
       --looked_at) {
    const std::int64_t oldest = order_.front();
    if (pins_.contains(oldest)) {
      order_.splice(order_.end(), order_, order_.begin());
      continue;
    }
    kept_.erase(oldest);
    order_.pop_front();
  }
}

void relation_book::remember(std::int64_t whom, const Relation& to) {
  changes_[whom] = {to, ++last_change_};
  change_order_.emplace_back(whom, last_change_);
  while (change_order_.size() > limits::relations_changed_kept_max) {
    const auto [oldest, number] = change_order_.front();
    change_order_.pop_front();
    const auto found = changes_.find(oldest);
    if (found != changes_.end() && found->second.number == number) {
      changes_.erase(found);
    }
  }
}

} // namespace godwit::people
