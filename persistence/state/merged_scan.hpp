#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/state/overlay_segment.hpp"
#include "persistence/state/state_store.hpp"

namespace godwit::persistence {

/// Several sorted lists of rows as one, without repeated keys: the first list that has a key decides.
class overlay_merge {
public:
  /// `newest_first`: each ascending; the rows outlive the object. With `reverse` the walk goes from the
  /// last key to the first.
  overlay_merge(std::vector<std::span<const overlay_row>> newest_first, bool reverse);

  /// The row the walk stands at, erased ones included; null at the end.
  [[nodiscard]] const overlay_row* row() const { return row_; }
  void next();

private:
  void choose();
  [[nodiscard]] const overlay_row& front(std::span<const overlay_row> list) const {
    return reverse_ ? list.back() : list.front();
  }

  std::vector<std::span<const overlay_row>> lists_;
  const overlay_row* row_ = nullptr;
  bool reverse_ = false;
};

/// Gathers a page. The values of a page share one allocation of their own, so that a page kept for
/// long holds neither payloads nor pages of the store.
class page_builder {
public:
  /// Bounds of `range`, which outlives the object.
  explicit page_builder(const row_range& range) : range_(range) {}

  /// False when the row does not fit any more: the page is complete and has more behind it.
  bool add(std::string_view key, std::string_view value);
  row_page take();

private:
  const row_range& range_;
  row_page page_;
  std::string values_;
  std::vector<std::size_t> ends_;
  std::size_t bytes_ = 0;
};

/// A page of what the overlay's lists and, unless null, the store's snapshot hold together. `lists`
/// are bounded to the range. Blocks as the snapshot does.
storage_result<row_page> read_merged(std::vector<std::span<const overlay_row>> newest_first, state_snapshot* stored,
                                     shard_id shard, const row_range& range);

} // namespace godwit::persistence
