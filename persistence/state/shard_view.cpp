#include <string>
#include <utility>

#include "persistence/state/merged_scan.hpp"
#include "persistence/state/overlay_segment.hpp"
#include "persistence/state/shard_state.hpp"

namespace godwit::persistence {

namespace {

using segment_list = std::vector<std::shared_ptr<const overlay_segment>>;

/// The stored half of a picture, whose first use checks that it belongs to the other half.
class stored_half {
public:
  stored_half(std::unique_ptr<state_snapshot> snapshot, shard_id shard, state_generation generation, index_t index)
      : snapshot_(std::move(snapshot)), shard_(shard), generation_(generation), index_(index) {}

  storage_result<state_snapshot*> get() {
    if (!checked_) {
      auto at = snapshot_->at(shard_);
      if (!at) {
        return unexpected<storage_error>(std::move(at.error()));
      }
      if (at->generation != generation_) {
        return fail(persistence_errc::busy,
                    "shard " + std::to_string(shard_.value()) + " is being replaced by a snapshot; read again");
      }
      if (at->point.index > index_) {
        return fail(persistence_errc::corrupt, "the state store is ahead of shard " + std::to_string(shard_.value()));
      }
      checked_ = true;
    }
    return snapshot_.get();
  }

private:
  std::unique_ptr<state_snapshot> snapshot_;
  shard_id shard_;
  state_generation generation_;
  index_t index_;
  bool checked_ = false;
};

void add_rows(std::vector<std::span<const overlay_row>>& lists, const segment_list& segments, const row_range& range) {
  for (const auto& each : segments) {
    lists.push_back(each->rows(range.from, range.to));
  }
}

bool empty_range(const row_range& range) { return !range.to.empty() && range.to <= range.from; }

class overlay_view final : public shard_state::view {
public:
  overlay_view(segment_list segments, stored_half stored, shard_id shard, index_t index)
      : segments_(std::move(segments)), stored_(std::move(stored)), shard_(shard), index_(index) {}

  [[nodiscard]] index_t index() const override { return index_; }

  storage_result<std::optional<slice>> get(std::string_view key) override {
    const std::uint64_t hash = overlay_segment::hash(key);
    for (const auto& each : segments_) {
      if (const overlay_row* const row = each->find(key, hash); row != nullptr) {
        return row->erased ? std::nullopt : std::optional<slice>(each->value_of(*row));
      }
    }
    auto snapshot = stored_.get();
    if (!snapshot) {
      return unexpected<storage_error>(std::move(snapshot.error()));
    }
    return (*snapshot)->get(shard_, key);
  }

  storage_result<row_page> read(const row_range& range) override {
    if (empty_range(range)) {
      return row_page{};
    }
    auto snapshot = stored_.get();
    if (!snapshot) {
      return unexpected<storage_error>(std::move(snapshot.error()));
    }
    std::vector<std::span<const overlay_row>> lists;
    add_rows(lists, segments_, range);
    return read_merged(std::move(lists), *snapshot, shard_, range);
  }

private:
  segment_list segments_; ///< newest first
  stored_half stored_;
  shard_id shard_;
  index_t index_;
};

} // namespace

storage_result<std::unique_ptr<shard_state::view>> shard_state::open_view() {
  auto snapshot = store_.snapshot();
  if (!snapshot) {
    return unexpected<storage_error>(std::move(snapshot.error()));
  }
  seal();
  compact();
  return std::make_unique<overlay_view>(sealed_newest_first(),
                                        stored_half(*std::move(snapshot), shard_, generation_, applied_.index), shard_,
                                        applied_.index);
}

/// What a reader thread needs of one page.
struct shard_state::page_read {
  shard_id shard;
  row_range range;
  /// Of the open segment, whose rows alone may not be read elsewhere; it keeps their bytes alive.
  std::vector<overlay_row> open_rows;
  std::shared_ptr<const overlay_segment> open;
  segment_list segments;
  std::optional<stored_half> stored; ///< none: the store has no rows of the shard

  storage_result<row_page> run() {
    state_snapshot* snapshot = nullptr;
    if (stored) {
      auto got = stored->get();
      if (!got) {
        return unexpected<storage_error>(std::move(got.error()));
      }
      snapshot = *got;
    }
    std::vector<std::span<const overlay_row>> lists;
    lists.reserve(segments.size() + 1);
    lists.emplace_back(open_rows);
    add_rows(lists, segments, range);
    return read_merged(std::move(lists), snapshot, shard, range);
  }
};

storage_result<void> shard_state::read(row_range range, page_done done) {
  if (empty_range(range)) {
    done(row_page{});
    return {};
  }
  auto page = std::make_shared<page_read>();
  page->shard = shard_;
  page->range = std::move(range);
  if (!store_is_empty()) {
    auto snapshot = store_.snapshot();
    if (!snapshot) {
      return unexpected<storage_error>(std::move(snapshot.error()));
    }
    page->stored.emplace(*std::move(snapshot), shard_, generation_, applied_.index);
  }
  if (open_) {
    page->open_rows = open_->pick(page->range);
    page->open = open_;
  }
  page->segments = sealed_newest_first();
  if (!page->stored) {
    done(page->run());
    return {};
  }
  return store_.run_on_reader([page, done = std::move(done)] {
    storage_result<row_page> result = page->run();
    page->stored.reset(); // the store's pages are free before the caller goes on
    done(std::move(result));
  });
}

storage_result<void> shard_state::query(view_job job) {
  auto opened = open_view();
  if (!opened) {
    return unexpected<storage_error>(std::move(opened.error()));
  }
  // A job has to be copyable; its picture is not.
  auto held = std::make_shared<std::unique_ptr<view>>(*std::move(opened));
  return store_.run_on_reader([held, job = std::move(job)] { job(std::move(*held)); });
}

} // namespace godwit::persistence
