#include "actors/people/audience.hpp"

#include <memory>
#include <utility>

#include "config/limits.hpp"

namespace godwit::people {

void audience::with(unix_time now, entity_effects& out, continuation then) {
  if (stage_ == stage::known) {
    return then(now, out);
  }
  waiting_.push_back(std::move(then));
  if (stage_ == stage::reading) {
    return;
  }
  stage_ = stage::reading;
  auto found = std::make_shared<std::vector<std::pair<std::int64_t, Relation>>>();
  auto read = [found](entity::row_reader& rows) {
    std::size_t left = limits::presence_rows_max;
    rows.scan(entity::records_table::user_relation, {}, {}, [&](std::string_view key, std::string_view value) {
      Relation relation;
      const auto whom = entity::id_of_sub_key(key);
      if (whom && relation.ParseFromArray(value.data(), static_cast<int>(value.size())) && relation.has_me()) {
        found->emplace_back(static_cast<std::int64_t>(*whom), std::move(relation));
      }
      return --left > 0 && found->size() < limits::presence_peers_max;
    });
  };
  out.queries.push_back({std::move(read), [this, found](unix_time later, entity_effects& more) {
                           stage_ = stage::known;
                           for (const auto& [whom, relation] : *found) {
                             set(whom, relation);
                           }
                           for (const auto& [whom, relation] : std::exchange(changed_meanwhile_, {})) {
                             set(whom, relation);
                           }
                           for (continuation& each : std::exchange(waiting_, {})) {
                             each(later, more);
                           }
                         }});
}

void audience::note(user_id whom, const Relation& relation) {
  switch (stage_) {
  case stage::unread: return;
  case stage::reading: changed_meanwhile_[whom.value()] = relation; return;
  case stage::known: return set(whom.value(), relation);
  }
}

void audience::set(std::int64_t whom, const Relation& relation) {
  if (!relation.has_me()) {
    members_.erase(whom);
  } else if (members_.size() < limits::presence_peers_max || members_.contains(whom)) {
    members_[whom] = {relation.has_contact(), relation.blocked_at() != 0};
  }
}

} // namespace godwit::people
