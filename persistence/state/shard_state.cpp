#include "persistence/state/shard_state.hpp"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "persistence/base/mutant.hpp"
#include "persistence/log/configuration_codec.hpp"
#include "persistence/state/overlay_segment.hpp"

namespace godwit::persistence {

namespace {

storage_error bad_entry(shard_id shard, index_t index, std::string_view what) {
  return {persistence_errc::corrupt, "log entry " + std::to_string(index) + " of shard " +
                                       std::to_string(shard.value()) + " cannot be applied: " + std::string(what)};
}

} // namespace

shard_state::shard_state(shard_id shard, state_store& store, flushed_state from, const options& opts)
    : shard_(shard), store_(store), options_(opts) {
  installed(std::move(from));
}

shard_state::~shard_state() = default;

void shard_state::installed(flushed_state now_at) {
  generation_ = now_at.generation;
  written_ = now_at.point.index;
  durable_ = now_at.point;
  applied_ = std::move(now_at.point);
  open_.reset();
  open_used_ = false;
  open_since_ = 0;
  waiting_.clear();
  handed_.clear();
  sealed_bytes_ = 0;
  retry_at_ = 0;
  flush_points_.clear();
}

// --- applying -------------------------------------------------------------------------------------

storage_result<void> shard_state::apply(index_t index, const log_entry& entry) {
  if (index <= applied_.index) {
    return {};
  }
  if (index != applied_.index + 1) {
    return unexpected<storage_error>(bad_entry(shard_, index, "an entry before it is missing"));
  }
  switch (entry.kind) {
  case entry_kind::command:
    if (auto added = apply_rows(entry); !added) {
      return unexpected<storage_error>(bad_entry(shard_, index, added.error().message));
    }
    break;
  case entry_kind::barrier: break;
  case entry_kind::change: {
    auto members = decode_configuration(entry.payload.view());
    if (!members) {
      return unexpected<storage_error>(bad_entry(shard_, index, members.error().message));
    }
    applied_.members = *std::move(members);
    applied_.configuration_index = index;
    break;
  }
  default: return unexpected<storage_error>(bad_entry(shard_, index, "its kind is unknown"));
  }
  applied_.index = index;
  applied_.term = entry.term;
  open_used_ = true;
  if (open_ && open_->bytes() >= options_.segment_bytes_max) {
    seal();
  }
  return {};
}

storage_result<void> shard_state::apply_rows(const log_entry& entry) {
  // All of it is read before any of it takes effect.
  scratch_.clear();
  batch_reader batch(entry.payload.view());
  for (row_write write; batch.next(write);) {
    scratch_.push_back(write);
  }
  if (!batch.ok()) {
    return fail(persistence_errc::corrupt, "its payload is no batch of mutations");
  }
  if (!scratch_.empty()) {
    if (!open_) {
      // It will have about as many rows as the last one, if that is not long ago.
      const std::vector<sealed_segment>& last = waiting_.empty() ? handed_ : waiting_;
      open_ = std::make_shared<overlay_segment>(last.empty() ? 0 : last.back().rows->row_count());
    }
    open_->add(entry.payload, scratch_);
  }
  return {};
}

// --- flushing -------------------------------------------------------------------------------------

void shard_state::seal() {
  if (!open_used_) {
    return;
  }
  if (!open_) {
    open_ = std::make_shared<overlay_segment>(); // moves the point alone
  }
  sealed_bytes_ += open_->bytes();
  waiting_.push_back(sealed_segment{std::move(open_), applied_, open_since_});
  open_.reset();
  open_used_ = false;
  open_since_ = 0;
}

/// Views seal without regard to size. Like a binary counter, segments of about equal size become
/// one, so that their number stays at the logarithm of their rows.
void shard_state::compact() {
  while (waiting_.size() >= 2) {
    sealed_segment& older = waiting_[waiting_.size() - 2];
    sealed_segment& newer = waiting_.back();
    if (older.rows->row_count() > 2 * newer.rows->row_count() ||
        older.rows->bytes() + newer.rows->bytes() > options_.segment_bytes_max) {
      break;
    }
    sealed_bytes_ -= older.rows->bytes() + newer.rows->bytes();
    older.rows = overlay_segment::merge(*older.rows, *newer.rows);
    older.point = std::move(newer.point);
    sealed_bytes_ += older.rows->bytes();
    waiting_.pop_back();
  }
}

bool shard_state::flush(monotonic_ms now, index_t persisted, bool all) {
  const monotonic_ms seen = std::max<monotonic_ms>(now, 1);
  if (open_used_ && open_since_ == 0) {
    open_since_ = seen;
  }
  if (open_used_ && (all || now >= open_since_ + options_.flush_interval_ms)) {
    seal();
  }
  retry_at_ = 0;
  if (waiting_.empty()) {
    return false;
  }
  std::size_t bytes = 0;
  for (sealed_segment& each : waiting_) {
    each.since = each.since == 0 ? seen : each.since;
    bytes += each.rows->bytes();
  }
  if (!all && bytes < options_.segment_bytes_max && now < waiting_.front().since + options_.flush_interval_ms) {
    return false;
  }
  const auto behind = std::find_if(waiting_.begin(), waiting_.end(), [&](const sealed_segment& each) {
    return each.point.index > persisted && !mutated(mutant::flush_beyond_log);
  });
  if (behind != waiting_.end()) {
    retry_at_ = seen + options_.flush_interval_ms;
  }
  if (behind == waiting_.begin()) {
    return false;
  }
  state_flush what{shard_, flushed_state{std::prev(behind)->point, generation_}, {}};
  for (auto each = waiting_.begin(); each != behind; ++each) {
    what.segments.push_back(each->rows);
  }
  flush_points_.push_back(what.to.point);
  handed_.insert(handed_.end(), std::move_iterator(waiting_.begin()), std::move_iterator(behind));
  waiting_.erase(waiting_.begin(), behind);
  store_.flush(std::move(what));
  return true;
}

void shard_state::flushed(const flush_completion& done) {
  if (done.shard != shard_ || done.written.generation != generation_) {
    return; // from before an install
  }
  written_ = std::max(written_, done.written.point.index);
  const auto kept = std::find_if(handed_.begin(), handed_.end(),
                                 [&](const sealed_segment& each) { return each.point.index > written_; });
  for (auto each = handed_.begin(); each != kept; ++each) {
    sealed_bytes_ -= each->rows->bytes();
  }
  handed_.erase(handed_.begin(), kept);
  const auto open = std::find_if(flush_points_.begin(), flush_points_.end(),
                                 [&](const snapshot_point& each) { return each.index > done.durable; });
  if (open != flush_points_.begin()) {
    durable_ = std::move(*std::prev(open));
    flush_points_.erase(flush_points_.begin(), open);
  }
}

std::size_t shard_state::overlay_bytes() const { return sealed_bytes_ + (open_ ? open_->bytes() : 0); }

monotonic_ms shard_state::flush_due() const {
  if (open_used_ && open_since_ == 0) {
    return 1;
  }
  monotonic_ms due = open_used_ ? open_since_ + options_.flush_interval_ms : 0;
  if (!waiting_.empty()) {
    // What is due already waits for the log, and flush() is called when that has advanced.
    const sealed_segment& oldest = waiting_.front();
    monotonic_ms then = oldest.since == 0 ? 1 : oldest.since + options_.flush_interval_ms;
    then = std::max(then, retry_at_);
    due = due == 0 ? then : std::min(due, then);
  }
  return due;
}

// --- reading --------------------------------------------------------------------------------------

shard_state::found shard_state::find(std::string_view key, slice& out) const {
  const std::uint64_t hash = overlay_segment::hash(key);
  const overlay_segment* in = open_.get();
  const overlay_row* row = in != nullptr ? in->find(key, hash) : nullptr;
  for (const std::vector<sealed_segment>* const list : {&waiting_, &handed_}) {
    for (auto each = list->rbegin(); row == nullptr && each != list->rend(); ++each) {
      in = each->rows.get();
      row = in->find(key, hash);
    }
  }
  if (row == nullptr) {
    return store_is_empty() ? found::nothing : found::unknown;
  }
  if (row->erased) {
    return found::nothing;
  }
  out = in->value_of(*row);
  return found::value;
}

std::vector<shard_state::segment_ptr> shard_state::sealed_newest_first() const {
  std::vector<segment_ptr> out;
  out.reserve(waiting_.size() + handed_.size());
  for (const std::vector<sealed_segment>* const list : {&waiting_, &handed_}) {
    for (auto each = list->rbegin(); each != list->rend(); ++each) {
      if (each->rows->row_count() != 0) {
        out.push_back(each->rows);
      }
    }
  }
  return out;
}

} // namespace godwit::persistence
