#include "actors/box/sent_book.hpp"

#include <algorithm>

#include "actors/box/box_keys.hpp"
#include "config/limits.hpp"
#include "persistence/base/mutant.hpp"

namespace godwit::box {
namespace {

using entity::records_table;

constexpr std::int32_t seconds_per_day = 86'400;

std::int32_t window() { return persistence::mutated(persistence::mutant::short_sent_window) ? 2 : limits::sent_days; }

} // namespace

sent_book::search sent_book::ask(std::span<const std::int64_t> random_ids, unix_time now) {
  search what;
  what.today = now / seconds_per_day;
  what.days = window();
  what.all = !filled_;
  if (filled_ && !useless_) {
    for (const std::int64_t each : random_ids) {
      if (filter_.may_have(each)) {
        what.wanted.push_back(each);
      }
    }
  } else {
    what.wanted.assign(random_ids.begin(), random_ids.end());
  }
  const std::int32_t first = what.today - what.days + 1;
  if (box_.sent_since_day() == 0) {
    box_.set_sent_since_day(first); // nothing was ever sent
  }
  what.forget = box_.sent_since_day() < first;
  return what;
}

void sent_book::search::read(entity::row_reader& reader) {
  const std::int32_t first = today - days + 1;
  const auto take = [this](std::int64_t random_id, std::string_view value) {
    Sent sent;
    if (sent.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
      found.emplace_back(random_id, std::move(sent));
    }
  };
  if (all) {
    reader.scan(records_table::message_sent, sent_key(first, 0), {}, [&](std::string_view key, std::string_view) {
      if (const auto place = read_sent_key(key)) {
        numbers.push_back(place->random_id);
      }
      too_many = numbers.size() >= limits::sent_filter_numbers_max;
      return !too_many;
    });
    if (!too_many) {
      std::erase_if(
        wanted, [this](std::int64_t each) { return std::find(numbers.begin(), numbers.end(), each) == numbers.end(); });
    }
  }
  for (const std::int64_t each : wanted) {
    // A clock that was set back left rows of tomorrow.
    for (std::int32_t day = today + 1; day >= first; --day) {
      if (const auto row = reader.get(records_table::message_sent, sent_key(day, each))) {
        take(each, *row);
        break;
      }
    }
  }
  if (forget) {
    reader.scan(records_table::message_sent, {}, sent_key(first, 0), [&](std::string_view key, std::string_view) {
      forgotten.emplace_back(key);
      return forgotten.size() < limits::sent_rows_removed_max;
    });
  }
}

void sent_book::learn(const search& what, entity_effects& out) {
  if (what.all && !filled_) {
    filter_ = sent_filter(2 * what.numbers.size());
    for (const std::int64_t each : what.numbers) {
      filter_.add(each);
    }
    filled_ = true;
    useless_ = what.too_many;
  }
  for (const std::string& each : what.forgotten) {
    out.erase(records_table::message_sent, each);
  }
  if (what.forget && what.forgotten.size() < limits::sent_rows_removed_max) {
    box_.set_sent_since_day(what.today - what.days + 1);
  }
}

void sent_book::remember(std::int64_t random_id, const Sent& what, unix_time now, entity_effects& out) {
  filter_.add(random_id);
  out.put(records_table::message_sent, sent_key(now / seconds_per_day, random_id), what);
}

} // namespace godwit::box
