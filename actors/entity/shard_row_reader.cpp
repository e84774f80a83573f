#include "actors/entity/shard_row_reader.hpp"

#include <algorithm>
#include <utility>

#include "persistence/state/mutation.hpp"
#include "persistence/state/row_key.hpp"

namespace godwit::entity {
namespace {

using persistence::row_page;
using persistence::row_range;
using persistence::table_id;

/// A page of what is stored; the pages of a long walk grow, for most walks end early.
constexpr std::uint32_t first_page_rows = 64;
constexpr std::uint32_t later_page_rows = 512;

std::string key_of(records_table table, persistence::entity_id entity, std::string_view sub_key) {
  return persistence::row_key(table_id{static_cast<std::uint8_t>(table)}, entity, sub_key);
}

} // namespace

shard_row_reader::shard_row_reader(std::unique_ptr<persistence::shard_state::view> view, persistence::entity_id entity,
                                   std::string unapplied)
    : view_(std::move(view)), entity_(entity), unapplied_(std::move(unapplied)) {
  persistence::batch_reader writes(unapplied_);
  for (persistence::row_write each; writes.next(each);) {
    written_[std::string(each.key)] = each.value;
  }
}

std::optional<std::string> shard_row_reader::get(records_table table, std::string_view sub_key) {
  const std::string key = key_of(table, entity_, sub_key);
  if (const auto found = written_.find(key); found != written_.end()) {
    return found->second ? std::optional<std::string>(*found->second) : std::nullopt;
  }
  auto value = view_->get(key);
  if (!value) {
    throw fault{std::move(value.error())};
  }
  return *value ? std::optional<std::string>((*value)->view()) : std::nullopt;
}

void shard_row_reader::scan(records_table table, std::string_view from, std::string_view to, const visitor& visit) {
  walk(table, from, to, false, visit);
}

void shard_row_reader::scan_back(records_table table, std::string_view from, std::string_view to,
                                 const visitor& visit) {
  walk(table, from, to, true, visit);
}

void shard_row_reader::walk(records_table table, std::string_view from, std::string_view to, bool back,
                            const visitor& visit) {
  row_range range;
  range.from = key_of(table, entity_, from);
  range.to = to.empty() ? persistence::prefix_end(key_of(table, entity_, {})) : key_of(table, entity_, to);
  range.rows_max = first_page_rows;
  range.reverse = back;
  if (range.to <= range.from) {
    return;
  }
  // What is not applied yet, in the order of the walk.
  auto first = written_.lower_bound(range.from);
  auto last = written_.lower_bound(range.to);
  const auto visit_key = [&](std::string_view key, std::string_view value) {
    return visit(key.substr(persistence::row_key_prefix_bytes), value);
  };
  const auto before = [&](std::string_view left, std::string_view right) { return back ? left > right : left < right; };
  /// Those that stand before `limit`; without one, all that are left.
  const auto visit_written = [&](const std::string* limit) {
    while (first != last) {
      const auto next = back ? std::prev(last) : first;
      if (limit != nullptr && !before(next->first, *limit)) {
        return true;
      }
      (back ? last : first) = back ? next : std::next(next);
      if (next->second && !visit_key(next->first, *next->second)) {
        return false;
      }
    }
    return true;
  };
  for (bool more = true; more;) {
    auto page = view_->read(range);
    if (!page) {
      throw fault{std::move(page.error())};
    }
    for (const persistence::row& each : page->rows) {
      if (!visit_written(&each.key)) {
        return;
      }
      const auto next = first == last ? last : back ? std::prev(last) : first;
      if (first != last && next->first == each.key) {
        (back ? last : first) = back ? next : std::next(next);
        if (next->second && !visit_key(each.key, *next->second)) {
          return;
        }
      } else if (!visit_key(each.key, each.value.view())) {
        return;
      }
    }
    more = page->more && !page->rows.empty();
    if (more) {
      (back ? range.to : range.from) = back ? page->rows.back().key : page->rows.back().key + '\0';
      range.rows_max = later_page_rows;
    }
  }
  visit_written(nullptr);
}

} // namespace godwit::entity
