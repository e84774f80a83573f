#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

#include "persistence/base/slice.hpp"
#include "persistence/state/mutation.hpp"
#include "persistence/state/state_store.hpp"

namespace godwit::persistence {

/// The newest write of a key within one segment. Views into a payload that the segment holds.
struct overlay_row {
  std::string_view key;
  std::string_view value; ///< empty when erased
  std::uint32_t payload = 0;
  bool erased = false;
};

/// Writes of one shard between two points of its log, newest per key.
///
/// Open, it belongs to one thread, which adds entries to it. Sealed, it never changes again and is
/// shared between the overlay, read views and the state thread: whoever holds it as const may read it
/// on any thread. Sealing is a promise of the owner, not a call: the owner adds nothing any more.
///
/// Rows stand in the order of their arrival behind a hash table, and are put into key order by whoever
/// first asks for that order: for 5000 rows that is half the work of keeping them in a tree, a look-up
/// takes a tenth of the time, and the sorting leaves the loop for the state thread.
class overlay_segment {
public:
  /// What a row takes beside its bytes, and a payload beside its own, about.
  static constexpr std::size_t row_overhead_bytes = 96;
  static constexpr std::size_t payload_overhead_bytes = 64;

  /// With room for so many rows: what one with about as many before it had to grow to.
  explicit overlay_segment(std::size_t rows_expected = 0);
  overlay_segment(const overlay_segment&) = delete;
  overlay_segment& operator=(const overlay_segment&) = delete;

  // --- open: the owner's thread ---

  /// `writes` are views into `payload`; it is kept alive as a whole.
  void add(const slice& payload, std::span<const row_write> writes);

  /// Rows with from <= key < to (empty `to`: no end), ascending, from the range's beginning or, with
  /// `reverse`, its end: erased ones, and others until there are more than `rows_max` of them or more
  /// than `bytes_max` in them.
  std::vector<overlay_row> pick(const row_range& range) const;

  /// Both together, as one segment; `newer` wins. The owner's thread; both may be shared already.
  static std::shared_ptr<overlay_segment> merge(const overlay_segment& older, const overlay_segment& newer);

  // --- open on the owner's thread, sealed on any ---

  /// Of a key, for find: one value serves for all segments.
  static std::uint64_t hash(std::string_view key);
  [[nodiscard]] const overlay_row* find(std::string_view key, std::uint64_t hash) const;
  /// The row's value, which keeps its payload alive and not the segment.
  [[nodiscard]] slice value_of(const overlay_row& row) const;
  /// Memory held: the payloads whole, for overwritten rows stay in them, and the overheads.
  [[nodiscard]] std::size_t bytes() const;
  [[nodiscard]] std::size_t row_count() const { return rows_.size(); }

  // --- sealed: any thread ---

  /// All rows in key order.
  [[nodiscard]] std::span<const overlay_row> rows() const;
  /// Those with from <= key < to; empty `to`: no end.
  [[nodiscard]] std::span<const overlay_row> rows(std::string_view from, std::string_view to) const;

private:
  void put(const overlay_row& row, std::uint64_t hashed);
  [[nodiscard]] const overlay_row* likely(std::uint64_t hashed) const;
  void make_room(std::size_t rows);
  void order_new_rows() const;

  std::vector<overlay_row> rows_; ///< in the order of arrival
  std::vector<slice> payloads_;
  std::size_t payload_bytes_ = 0;
  /// Open addressing. The upper half of a slot is that of the key's hash, by which it has its place; the
  /// lower is the row's place in rows_ plus one; 0 is free.
  std::vector<std::uint64_t> table_;

  /// Places of rows in key order within each of several runs, made when an open segment is asked for
  /// a range. Runs get shorter towards the end; like a binary counter, equal ones are merged, so that
  /// a range after every write costs log(rows) per row and not a sort.
  mutable std::vector<std::uint32_t> order_;
  mutable std::vector<std::size_t> run_ends_;

  mutable std::once_flag sorted_once_;
  mutable std::vector<overlay_row> sorted_;
};

} // namespace godwit::persistence
