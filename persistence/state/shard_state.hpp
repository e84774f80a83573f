#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "config/limits.hpp"
#include "persistence/state/mutation.hpp"
#include "persistence/state/state_store.hpp"

namespace godwit::persistence {

/// The state machine of one shard: the rows that its applied log entries produced. Writes go to an
/// overlay in memory and from there to the state store in sorted batches; reads see both.
///
/// Owned by the shard's loop thread; every call but those on views comes from there. No I/O of its
/// own, no clock.
///
/// The overlay is a list of segments: one open, which entries are added to; sealed ones that wait for
/// their age or for the log; and those handed to the store, which stay until it has them. What the
/// overlay and the store both hold is equal, so a reader that takes its segments and the store's
/// snapshot in one call on that thread never sees a gap.
class shard_state {
public:
  struct options {
    /// Overlay (unsealed and not yet flushed) above which `full` answers true.
    std::size_t overlay_bytes_max = limits::overlay_bytes_max;
    /// A segment is sealed when it grows beyond this, whatever the time.
    std::size_t segment_bytes_max = limits::overlay_segment_bytes_max;
    /// Age at which a segment is sealed.
    monotonic_ms flush_interval_ms = limits::flush_interval_ms;
  };

  /// `store` outlives the object. `from` is what state_store::recover gave.
  shard_state(shard_id shard, state_store& store, flushed_state from, const options& opts);
  shard_state(const shard_state&) = delete;
  shard_state& operator=(const shard_state&) = delete;
  ~shard_state();

  // --- applying ---

  /// Entries come in order of their index; those at or below applied().index are passed over
  /// (they come again after a restart or an install). Errors: corrupt, nothing of the entry applied.
  storage_result<void> apply(index_t index, const log_entry& entry);
  [[nodiscard]] const snapshot_point& applied() const { return applied_; }

  // --- flushing ---

  /// Seals and hands to the store what is old or large enough and lies at or below `persisted`, the
  /// end of the shard's durable log: state never runs ahead of the log. True: something was handed
  /// over and the store wants a kick. With `all`, age and size do not matter.
  ///
  /// Age counts from the first flush() that sees a write, for apply brings no time: call it at the end
  /// of every round of the loop, and when `persisted` has advanced.
  bool flush(monotonic_ms now, index_t persisted, bool all = false);
  /// The store's completion, brought to the loop.
  void flushed(const flush_completion& done);
  /// The newest point that survives a crash; the log may be trimmed below it.
  [[nodiscard]] const snapshot_point& durable() const { return durable_; }
  /// Of the rows in memory: payloads whole and a fixed overhead per row, see overlay_segment::bytes.
  [[nodiscard]] std::size_t overlay_bytes() const;
  /// The store has fallen behind; nothing more should be proposed for now.
  [[nodiscard]] bool full() const { return overlay_bytes() > options_.overlay_bytes_max; }
  /// When flush() has something to do, if nothing else happens; 0: nothing waits. In the past when
  /// there are writes that flush() has not seen.
  [[nodiscard]] monotonic_ms flush_due() const;

  /// A snapshot took the place of everything: forgets the overlay and goes on from there.
  void installed(flushed_state now_at);

  // --- reading ---

  enum class found : std::uint8_t {
    value,   ///< `out` holds it
    nothing, ///< the row does not exist
    unknown, ///< not in memory: read it
  };
  /// Looks in memory alone. The value keeps the whole entry it came with in memory: copy what is
  /// kept for long.
  found find(std::string_view key, slice& out) const;

  /// A consistent picture of applied rows at the time of the call. May be used and dropped on any
  /// one thread; reading may block on the disk. Errors: those of state_store::snapshot.
  class view;
  storage_result<std::unique_ptr<view>> open_view();

  /// Reads a page as of now and calls `done` with it, on a reader thread or, when memory was enough,
  /// before it returns. busy: too much is being read already; `done` is not called. `done` may hear
  /// busy too: a snapshot took the rows' place meanwhile.
  using page_done = std::function<void(storage_result<row_page>)>;
  storage_result<void> read(row_range range, page_done done);

  /// Gives `job` a picture of the rows as of now, on a reader thread. busy: too much is being read already; `job` is
  /// not called.
  using view_job = std::function<void(std::unique_ptr<view>)>;
  storage_result<void> query(view_job job);

private:
  using segment_ptr = std::shared_ptr<const overlay_segment>;

  /// A sealed segment, and where the shard stands behind it.
  struct sealed_segment {
    segment_ptr rows;
    snapshot_point point;
    monotonic_ms since = 0; ///< its first write, as flush() saw it; 0: not yet seen
  };

  struct page_read;

  void seal();
  void compact();
  storage_result<void> apply_rows(const log_entry& entry);
  [[nodiscard]] bool store_is_empty() const { return written_ == 0; }
  [[nodiscard]] std::vector<segment_ptr> sealed_newest_first() const;

  shard_id shard_;
  state_store& store_;
  options options_;
  state_generation generation_ = 0;
  snapshot_point applied_;
  snapshot_point durable_;
  index_t written_ = 0; ///< in the store, as far as flushed() told

  std::shared_ptr<overlay_segment> open_; ///< null when it would be empty
  bool open_used_ = false;                ///< entries were applied since the last seal, rows or not
  monotonic_ms open_since_ = 0;
  std::vector<sealed_segment> waiting_;      ///< oldest first; not handed over
  std::vector<sealed_segment> handed_;       ///< oldest first
  std::size_t sealed_bytes_ = 0;             ///< of both
  monotonic_ms retry_at_ = 0;                ///< what is due waits for the log; when to look again
  std::vector<snapshot_point> flush_points_; ///< handed over and not known to be durable, oldest first
  std::vector<row_write> scratch_;
};

class shard_state::view {
public:
  virtual ~view() = default;
  /// Everything up to here is in it, and nothing behind.
  [[nodiscard]] virtual index_t index() const = 0;
  /// busy, here and below: a snapshot took the rows' place before the view was opened and the shard
  /// has not heard of it yet.
  virtual storage_result<std::optional<slice>> get(std::string_view key) = 0;
  virtual storage_result<row_page> read(const row_range& range) = 0;
};

} // namespace godwit::persistence
