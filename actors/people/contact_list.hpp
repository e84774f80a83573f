#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "actors/people/people_core.hpp"

namespace godwit::people {

/// The contacts of one account as rows, at most limits::contacts_max of them.
class contact_list {
public:
  explicit contact_list(people_core& core) : core_(core) {}

  struct contact {
    user_id whom;
    Relation relation;
  };
  using contacts_came = std::function<void(std::vector<contact>&, unix_time now, entity_effects& out)>;
  /// Reads them all, in the order of their ids.
  void read(entity_effects& out, contacts_came then);

  /// Runs `then` when contacts() is known; the rows are counted once.
  void with_contacts(unix_time now, entity_effects& out, continuation then);
  /// The same for blocked().
  void with_blocked(unix_time now, entity_effects& out, continuation then);
  /// How many there are now: ask it where the change is made, not before something is waited for.
  [[nodiscard]] std::size_t contacts() const;
  [[nodiscard]] std::size_t blocked() const;

private:
  /// A number of rows at the moment when the deltas of the book were zero.
  using base = std::optional<std::int64_t>;
  void count(records_table table, base contact_list::*of, std::int64_t (relation_book::*delta)() const, unix_time now,
             entity_effects& out, continuation then);

  people_core& core_;
  base contacts_;
  base blocked_;
};

} // namespace godwit::people
