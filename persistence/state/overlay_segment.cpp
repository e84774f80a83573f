#include "persistence/state/overlay_segment.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <functional>
#include <iterator>

namespace godwit::persistence {

namespace {

constexpr std::size_t table_slots_min = 64;
constexpr std::uint64_t hash_half = 0xFFFFFFFF00000000U;
constexpr std::size_t rows_at_once = 16;

/// Where a key is looked for first; of its hash or of a slot that holds the upper half of it.
constexpr std::size_t first_slot(std::uint64_t hashed, std::size_t mask) { return (hashed >> 32) & mask; }

/// The first bytes of a key as a number: keys mostly differ there, and are ordered as these are. Shorter keys end with
/// zeros, and are equal to others in this alone.
struct key_head {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::uint32_t place = 0;
};

key_head head_of(std::string_view key, std::uint32_t place) {
  std::array<unsigned char, 16> bytes{};
  std::memcpy(bytes.data(), key.data(), std::min(key.size(), bytes.size()));
  key_head head{0, 0, place};
  for (std::size_t i = 0; i < 8; ++i) {
    head.high = head.high << 8 | bytes[i];
    head.low = head.low << 8 | bytes[8 + i];
  }
  return head;
}

bool before_key(const overlay_row& row, std::string_view key) { return row.key < key; }

} // namespace

std::uint64_t overlay_segment::hash(std::string_view key) { return std::hash<std::string_view>{}(key); }

overlay_segment::overlay_segment(std::size_t rows_expected) {
  if (rows_expected != 0) {
    rows_.reserve(rows_expected);
    make_room(rows_expected);
  }
}

void overlay_segment::add(const slice& payload, std::span<const row_write> writes) {
  if (writes.empty()) {
    return;
  }
  const auto place = static_cast<std::uint32_t>(payloads_.size());
  payloads_.push_back(payload);
  payload_bytes_ += payload.size();
  // In groups, and each in steps: where a key would stand, what stands there, and its key are mostly in no cache any
  // more, and are fetched for the whole group at once.
  std::array<std::uint64_t, rows_at_once> hashes;
  for (std::size_t begin = 0; begin < writes.size(); begin += rows_at_once) {
    const std::span<const row_write> group = writes.subspan(begin, std::min(rows_at_once, writes.size() - begin));
    make_room(group.size());
    const std::size_t mask = table_.size() - 1;
    for (std::size_t i = 0; i < group.size(); ++i) {
      hashes[i] = hash(group[i].key);
      __builtin_prefetch(&table_[first_slot(hashes[i], mask)], 1);
    }
    for (std::size_t i = 0; i < group.size(); ++i) {
      if (const overlay_row* const other = likely(hashes[i])) {
        __builtin_prefetch(other);
      }
    }
    for (std::size_t i = 0; i < group.size(); ++i) {
      if (const overlay_row* const other = likely(hashes[i])) {
        __builtin_prefetch(other->key.data());
      }
    }
    for (std::size_t i = 0; i < group.size(); ++i) {
      const row_write& write = group[i];
      put(overlay_row{write.key, write.value.value_or(std::string_view{}), place, !write.value.has_value()}, hashes[i]);
    }
  }
}

/// The row that stands where a key with this hash is looked for first, when it may be of that key.
const overlay_row* overlay_segment::likely(std::uint64_t hashed) const {
  const std::uint64_t slot = table_[first_slot(hashed, table_.size() - 1)];
  return slot != 0 && ((slot ^ hashed) & hash_half) == 0 ? &rows_[static_cast<std::uint32_t>(slot) - 1] : nullptr;
}

/// There is room in the table.
void overlay_segment::put(const overlay_row& row, std::uint64_t hashed) {
  const std::size_t mask = table_.size() - 1;
  std::size_t slot = first_slot(hashed, mask);
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

/// For so many rows more.
void overlay_segment::make_room(std::size_t rows) {
  const std::size_t wanted = 2 * (rows_.size() + rows);
  if (table_.size() >= wanted) {
    return;
  }
  std::vector<std::uint64_t> wider(std::max(table_slots_min, std::bit_ceil(wanted)), 0);
  const std::size_t mask = wider.size() - 1;
  // What a slot holds of the hash is all that its place is made of, so that no key is looked at.
  for (const std::uint64_t each : table_) {
    if (each == 0) {
      continue;
    }
    std::size_t slot = first_slot(each, mask);
    while (wider[slot] != 0) {
      slot = (slot + 1) & mask;
    }
    wider[slot] = each;
  }
  table_.swap(wider);
}

const overlay_row* overlay_segment::find(std::string_view key, std::uint64_t hash) const {
  if (table_.empty()) {
    return nullptr;
  }
  const std::size_t mask = table_.size() - 1;
  for (std::size_t slot = first_slot(hash, mask); table_[slot] != 0; slot = (slot + 1) & mask) {
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
  both->make_room(older.rows_.size() + newer.rows_.size());
  for (const overlay_segment* const each : {&older, &newer}) {
    const auto shift = static_cast<std::uint32_t>(both->payloads_.size());
    both->payloads_.insert(both->payloads_.end(), each->payloads_.begin(), each->payloads_.end());
    both->payload_bytes_ += each->payload_bytes_;
    for (overlay_row row : each->rows_) {
      row.payload += shift;
      both->put(row, hash(row.key));
    }
  }
  return both;
}

std::span<const overlay_row> overlay_segment::rows() const {
  std::call_once(sorted_once_, [this] {
    std::vector<key_head> heads;
    heads.reserve(rows_.size());
    for (const overlay_row& row : rows_) {
      heads.push_back(head_of(row.key, static_cast<std::uint32_t>(heads.size())));
    }
    std::sort(heads.begin(), heads.end(), [this](const key_head& a, const key_head& b) {
      return a.high != b.high ? a.high < b.high
             : a.low != b.low ? a.low < b.low
                              : rows_[a.place].key < rows_[b.place].key;
    });
    sorted_.reserve(rows_.size());
    for (const key_head& each : heads) {
      sorted_.push_back(rows_[each.place]);
    }
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
