#include "persistence/state/overlay_segment.hpp"

#include <algorithm>
#include <functional>
#include <iterator>

namespace godwit::persistence {

namespace {

constexpr std::size_t table_slots_min = 64;
constexpr std::uint64_t hash_half = 0xFFFFFFFF00000000U;

bool before_key(const overlay_row& row, std::string_view key) { return row.key < key; }

} // namespace

std::uint64_t overlay_segment::hash(std::string_view key) { return std::hash<std::string_view>{}(key); }

void overlay_segment::add(const slice& payload, std::span<const row_write> writes) {
  if (writes.empty()) {
    return;
  }
  const auto place = static_cast<std::uint32_t>(payloads_.size());
  payloads_.push_back(payload);
  payload_bytes_ += payload.size();
  for (const row_write& write : writes) {
    put(overlay_row{write.key, write.value.value_or(std::string_view{}), place, !write.value.has_value()});
  }
}

void overlay_segment::put(const overlay_row& row) {
  if (table_.size() < 2 * (rows_.size() + 1)) {
    widen_table();
  }
  const std::uint64_t hashed = hash(row.key);
  const std::size_t mask = table_.size() - 1;
  std::size_t slot = hashed & mask;
  for (; table_[slot] != 0; slot = (slot + 1) & mask) {
    if (((table_[slot] ^ hashed) & hash_half) != 0) {
      continue;
    }
    overlay_row& other = rows_[static_cast<std::uint32_t>(table_[slot]) - 1];
    if (other.key == row.key) {
      other = row;
      return;
    }
  }
  rows_.push_back(row);
  table_[slot] = (hashed & hash_half) | rows_.size();
}

void overlay_segment::widen_table() {
  table_.assign(std::max(table_slots_min, table_.size() * 2), 0);
  const std::size_t mask = table_.size() - 1;
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    const std::uint64_t hashed = hash(rows_[i].key);
    std::size_t slot = hashed & mask;
    while (table_[slot] != 0) {
      slot = (slot + 1) & mask;
    }
    table_[slot] = (hashed & hash_half) | (i + 1);
  }
}

const overlay_row* overlay_segment::find(std::string_view key, std::uint64_t hash) const {
  if (table_.empty()) {
    return nullptr;
  }
  const std::size_t mask = table_.size() - 1;
  for (std::size_t slot = hash & mask; table_[slot] != 0; slot = (slot + 1) & mask) {
    if (((table_[slot] ^ hash) & hash_half) != 0) {
      continue;
    }
    const overlay_row& row = rows_[static_cast<std::uint32_t>(table_[slot]) - 1];
    if (row.key == key) {
      return &row;
    }
  }
  return nullptr;
}

slice overlay_segment::value_of(const overlay_row& row) const {
  const slice& payload = payloads_[row.payload];
  return row.value.empty()
           ? slice{}
           : payload.part(static_cast<std::size_t>(row.value.data() - payload.data()), row.value.size());
}

std::size_t overlay_segment::bytes() const {
  return payload_bytes_ + payloads_.size() * payload_overhead_bytes + rows_.size() * row_overhead_bytes;
}

void overlay_segment::order_new_rows() const {
  const auto before = [this](std::uint32_t a, std::uint32_t b) { return rows_[a].key < rows_[b].key; };
  const std::size_t ordered = order_.size();
  if (ordered == rows_.size()) {
    return;
  }
  order_.reserve(rows_.size());
  for (std::size_t i = ordered; i < rows_.size(); ++i) {
    order_.push_back(static_cast<std::uint32_t>(i));
  }
  const auto at = [this](std::size_t place) { return order_.begin() + static_cast<std::ptrdiff_t>(place); };
  std::sort(at(ordered), order_.end(), before);
  run_ends_.push_back(order_.size());
  // Each run is more than twice as long as the one behind it.
  while (run_ends_.size() >= 2) {
    const std::size_t middle = run_ends_[run_ends_.size() - 2];
    const std::size_t begin = run_ends_.size() >= 3 ? run_ends_[run_ends_.size() - 3] : 0;
    if (middle - begin > 2 * (order_.size() - middle)) {
      break;
    }
    std::inplace_merge(at(begin), at(middle), order_.end(), before);
    run_ends_.pop_back();
    run_ends_.back() = order_.size();
  }
}

std::vector<overlay_row> overlay_segment::pick(const row_range& range) const {
  order_new_rows();
  struct part {
    const std::uint32_t* begin;
    const std::uint32_t* end;
  };
  std::vector<part> parts;
  std::size_t begin = 0;
  for (const std::size_t end : run_ends_) {
    const auto before = [this](std::uint32_t place, std::string_view key) { return rows_[place].key < key; };
    const std::uint32_t* const run = order_.data() + begin;
    const std::uint32_t* const run_end = order_.data() + end;
    const std::uint32_t* const from = std::lower_bound(run, run_end, std::string_view(range.from), before);
    const std::uint32_t* const to =
      range.to.empty() ? run_end : std::lower_bound(from, run_end, std::string_view(range.to), before);
    if (from < to) {
      parts.push_back(part{from, to});
    }
    begin = end;
  }

  std::vector<overlay_row> out;
  std::size_t live = 0;
  std::size_t bytes = 0;
  // The first row comes whatever its size, so one alone does not yet prove that the page ends here.
  while (live < 2 || (live <= range.rows_max && bytes <= range.bytes_max)) {
    part* next = nullptr;
    const overlay_row* row = nullptr;
    for (part& each : parts) {
      if (each.begin == each.end) {
        continue;
      }
      const overlay_row& candidate = rows_[range.reverse ? each.end[-1] : *each.begin];
      if (row == nullptr || (range.reverse ? row->key < candidate.key : candidate.key < row->key)) {
        next = &each;
        row = &candidate;
      }
    }
    if (row == nullptr) {
      break;
    }
    out.push_back(*row);
    if (!row->erased) {
      ++live;
      bytes += row->key.size() + row->value.size();
    }
    range.reverse ? --next->end : ++next->begin;
  }
  if (range.reverse) {
    std::reverse(out.begin(), out.end());
  }
  return out;
}

std::shared_ptr<overlay_segment> overlay_segment::merge(const overlay_segment& older, const overlay_segment& newer) {
  auto both = std::make_shared<overlay_segment>();
  both->rows_.reserve(older.rows_.size() + newer.rows_.size());
  for (const overlay_segment* const each : {&older, &newer}) {
    const auto shift = static_cast<std::uint32_t>(both->payloads_.size());
    both->payloads_.insert(both->payloads_.end(), each->payloads_.begin(), each->payloads_.end());
    both->payload_bytes_ += each->payload_bytes_;
    for (overlay_row row : each->rows_) {
      row.payload += shift;
      both->put(row);
    }
  }
  return both;
}

std::span<const overlay_row> overlay_segment::rows() const {
  std::call_once(sorted_once_, [this] {
    sorted_ = rows_;
    std::sort(sorted_.begin(), sorted_.end(), [](const overlay_row& a, const overlay_row& b) { return a.key < b.key; });
  });
  return sorted_;
}

std::span<const overlay_row> overlay_segment::rows(std::string_view from, std::string_view to) const {
  const std::span<const overlay_row> all = rows();
  const auto begin = std::lower_bound(all.begin(), all.end(), from, before_key);
  const auto end = to.empty() ? all.end() : std::lower_bound(begin, all.end(), to, before_key);
  return begin < end ? std::span<const overlay_row>(begin, end) : std::span<const overlay_row>{};
}

} // namespace godwit::persistence
