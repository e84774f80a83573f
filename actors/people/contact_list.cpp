#include "actors/people/contact_list.hpp"

#include <algorithm>

#include "config/limits.hpp"

namespace godwit::people {

void contact_list::read(entity_effects& out, contacts_came then) {
  auto found = std::make_shared<std::vector<contact>>();
  auto read_rows = [found](entity::row_reader& rows) {
    rows.scan(records_table::user_contact, {}, {}, [&](std::string_view key, std::string_view value) {
      Relation relation;
      const auto whom = entity::id_of_sub_key(key);
      if (whom && relation.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
        found->push_back({user_id{static_cast<std::int64_t>(*whom)}, std::move(relation)});
      }
      return found->size() < limits::contacts_max;
    });
  };
  core_.query(std::move(read_rows), out,
              [found, run = std::move(then)](unix_time now, entity_effects& more) { run(*found, now, more); });
}

void contact_list::with_contacts(unix_time now, entity_effects& out, continuation then) {
  count(records_table::user_contact, &contact_list::contacts_, &relation_book::contacts_delta, now, out,
        std::move(then));
}

void contact_list::with_blocked(unix_time now, entity_effects& out, continuation then) {
  count(records_table::user_blocked, &contact_list::blocked_, &relation_book::blocked_delta, now, out, std::move(then));
}

std::size_t contact_list::contacts() const {
  return static_cast<std::size_t>(std::max<std::int64_t>(contacts_.value_or(0) + core_.relations.contacts_delta(), 0));
}

std::size_t contact_list::blocked() const {
  return static_cast<std::size_t>(std::max<std::int64_t>(blocked_.value_or(0) + core_.relations.blocked_delta(), 0));
}

void contact_list::count(records_table table, base contact_list::*of, std::int64_t (relation_book::*delta)() const,
                         unix_time now, entity_effects& out, continuation then) {
  if (this->*of) {
    return then(now, out);
  }
  auto rows_found = std::make_shared<std::int64_t>(0);
  const std::int64_t delta_before = (core_.relations.*delta)();
  core_.query(
    [rows_found, table](entity::row_reader& rows) {
      rows.scan(table, {}, {}, [&](std::string_view, std::string_view) {
        ++*rows_found;
        return true;
      });
    },
    out,
    [this, of, rows_found, delta_before, run = std::move(then)](unix_time later, entity_effects& more) {
      this->*of = *rows_found - delta_before;
      run(later, more);
    });
}

} // namespace godwit::people
