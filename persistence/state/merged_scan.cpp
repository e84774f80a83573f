#include "persistence/state/merged_scan.hpp"

#include <algorithm>
#include <utility>

namespace godwit::persistence {

overlay_merge::overlay_merge(std::vector<std::span<const overlay_row>> newest_first, bool reverse)
    : lists_(std::move(newest_first)), reverse_(reverse) {
  std::erase_if(lists_, [](std::span<const overlay_row> list) { return list.empty(); });
  choose();
}

void overlay_merge::choose() {
  row_ = nullptr;
  for (const std::span<const overlay_row> list : lists_) {
    // Of equal keys the first stays: it is from the newer list.
    const overlay_row& candidate = front(list);
    if (row_ == nullptr || (reverse_ ? row_->key < candidate.key : candidate.key < row_->key)) {
      row_ = &candidate;
    }
  }
}

void overlay_merge::next() {
  const std::string_view passed = row_->key;
  bool ended = false;
  for (std::span<const overlay_row>& list : lists_) {
    if (front(list).key == passed) {
      list = reverse_ ? list.first(list.size() - 1) : list.subspan(1);
      ended = ended || list.empty();
    }
  }
  if (ended) {
    std::erase_if(lists_, [](std::span<const overlay_row> list) { return list.empty(); });
  }
  choose();
}

bool page_builder::add(std::string_view key, std::string_view value) {
  const std::size_t size = key.size() + value.size();
  const bool first = page_.rows.empty();
  if (!first && (page_.rows.size() >= range_.rows_max || bytes_ + size > range_.bytes_max)) {
    page_.more = true;
    return false;
  }
  bytes_ += size;
  page_.rows.push_back(row{std::string(key), slice{}});
  values_.append(value);
  ends_.push_back(values_.size());
  return true;
}

row_page page_builder::take() {
  const slice all = slice::adopt(std::move(values_));
  std::size_t begin = 0;
  for (std::size_t i = 0; i < ends_.size(); ++i) {
    page_.rows[i].value = all.part(begin, ends_[i] - begin);
    begin = ends_[i];
  }
  return std::move(page_);
}

storage_result<row_page> read_merged(std::vector<std::span<const overlay_row>> newest_first, state_snapshot* stored,
                                     shard_id shard, const row_range& range) {
  overlay_merge overlay(std::move(newest_first), range.reverse);
  page_builder page(range);
  bool room = true;
  // Rows of the overlay up to `key`, or all; those at `key` hide the stored row.
  const auto add_overlay = [&](const std::string_view* key) {
    bool hidden = false;
    for (; room && overlay.row() != nullptr; overlay.next()) {
      const overlay_row& each = *overlay.row();
      if (key != nullptr && each.key != *key && (range.reverse ? each.key < *key : *key < each.key)) {
        break;
      }
      hidden = hidden || (key != nullptr && each.key == *key);
      room = each.erased || page.add(each.key, each.value);
    }
    return hidden;
  };
  if (stored != nullptr) {
    auto scanned = stored->scan(shard, range, [&](std::string_view key, std::string_view value) {
      const bool hidden = add_overlay(&key);
      room = room && (hidden || page.add(key, value));
      return room;
    });
    if (!scanned) {
      return unexpected<storage_error>(std::move(scanned.error()));
    }
  }
  add_overlay(nullptr);
  return page.take();
}

} // namespace godwit::persistence
