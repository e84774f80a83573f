#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>

#include "actors/entity/entity_logic.hpp"
#include "persistence/records/people.pb.h"
#include "protocol/ids.hpp"

namespace godwit::people {

using entity::entity_effects;
using entity::records_table;
using persistence::records::Relation;

/// The relations of one account to others that are in memory, each as it was proposed last. The longest unused go
/// first, but for those that are pinned.
class relation_book {
public:
  /// Null: not in memory. An account without a row has an empty relation.
  [[nodiscard]] const Relation* find(user_id whom);
  /// What a reader found, unless it is in memory, or was changed since the reader can have begun.
  void learn(user_id whom, const std::optional<std::string>& row);
  /// Writes the rows of a relation that is in memory.
  void put(user_id whom, const Relation& to, entity_effects& out);

  /// Those that somebody waits for stay until they are unpinned as often.
  void pin(std::span<const user_id> whom);
  void unpin(std::span<const user_id> whom);

  /// Visits what is in memory, in no order.
  void each(const std::function<void(user_id, const Relation&)>& visit) const;

  /// By how much changes moved the number of contacts, and of the blocked, since the account was loaded.
  [[nodiscard]] std::int64_t contacts_delta() const { return contacts_delta_; }
  [[nodiscard]] std::int64_t blocked_delta() const { return blocked_delta_; }

  /// Called with every change.
  std::function<void(user_id, const Relation&)> changed;

private:
  struct kept {
    Relation what;
    std::list<std::int64_t>::iterator place;
  };
  struct change {
    Relation to;
    std::uint64_t number = 0;
  };

  kept& keep(std::int64_t whom);
  void trim();
  void remember(std::int64_t whom, const Relation& to);

  std::unordered_map<std::int64_t, kept> kept_;
  std::list<std::int64_t> order_; ///< longest unused first
  std::unordered_map<std::int64_t, std::uint32_t> pins_;
  std::unordered_map<std::int64_t, change> changes_;
  std::deque<std::pair<std::int64_t, std::uint64_t>> change_order_;
  std::uint64_t last_change_ = 0;
  std::int64_t contacts_delta_ = 0;
  std::int64_t blocked_delta_ = 0;
};

/// Sub-key of a relation and of a contact.
std::string relation_key(user_id whom);
/// Sub-key of a row of records_table::user_blocked: the last block sorts first.
std::string blocked_key(unix_time at, user_id whom);
/// Nothing for bytes of another length.
struct blocked_place {
  unix_time at = 0;
  user_id whom;
};
std::optional<blocked_place> read_blocked_key(std::string_view key);

} // namespace godwit::people
