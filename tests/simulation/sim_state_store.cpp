#include "tests/simulation/sim_state_store.hpp"

#include <utility>

#include "persistence/base/crc32c.hpp"
#include "persistence/state/overlay_segment.hpp"
#include "tests/simulation/row_transport.hpp"

namespace godwit::simulation {

using persistence::fail;
using persistence::flushed_state;
using persistence::persistence_errc;
using persistence::row_range;
using persistence::shard_id;
using persistence::slice;
using persistence::storage_result;

namespace {

constexpr std::size_t jobs_max = 64;

class sim_snapshot final : public persistence::state_snapshot {
public:
  explicit sim_snapshot(const state_disk& disk) : state_(disk.state()), rows_(disk.rows()) {}

  storage_result<flushed_state> at(shard_id /*shard*/) override { return state_; }

  storage_result<std::optional<slice>> get(shard_id /*shard*/, std::string_view key) override {
    const auto at = rows_->find(key);
    return at == rows_->end() ? std::nullopt : std::optional<slice>(at->second);
  }

  storage_result<void> scan(shard_id /*shard*/, const row_range& range,
                            const std::function<bool(std::string_view, std::string_view)>& visit) override {
    const auto first = rows_->lower_bound(range.from);
    auto end = range.to.empty() ? rows_->end() : rows_->lower_bound(range.to);
    if (!range.reverse) {
      for (auto at = first; at != end && visit(at->first, at->second.view()); ++at) {
      }
    } else {
      while (end != first) {
        --end;
        if (!visit(end->first, end->second.view())) {
          break;
        }
      }
    }
    return {};
  }

private:
  flushed_state state_;
  std::shared_ptr<const stored_rows> rows_;
};

class sim_export final : public persistence::state_export {
public:
  explicit sim_export(const state_disk& disk) : point_(disk.state().point), rows_(disk.rows()) {}

  [[nodiscard]] const persistence::snapshot_point& point() const override { return point_; }

  storage_result<persistence::state_chunk> next(std::string_view after, std::uint64_t number,
                                                std::size_t bytes_max) override {
    return pack_rows(*rows_, after, number, bytes_max);
  }

private:
  persistence::snapshot_point point_;
  std::shared_ptr<const stored_rows> rows_;
};

} // namespace

// --- queue ----------------------------------------------------------------------------------------

void sim_state_store::flush(persistence::state_flush what) {
  if (!dies_here(world_, life_)) {
    queue_.push_back({task_kind::flush, std::move(what), {}, {}, {}});
  }
}

void sim_state_store::kick() {
  if (!busy_ && life_.outputs()) {
    begin();
  }
}

void sim_state_store::add(task what) {
  if (life_.outputs()) {
    queue_.push_back(std::move(what));
    kick();
  }
}

void sim_state_store::sync() { add({task_kind::sync, {}, {}, {}, {}}); }

void sim_state_store::import_begin(shard_id /*shard*/, import_done done) {
  add({task_kind::import_begin, {}, {}, {}, std::move(done)});
}

void sim_state_store::import_chunk(shard_id /*shard*/, persistence::state_chunk chunk, import_done done) {
  add({task_kind::import_chunk, {}, std::move(chunk), {}, std::move(done)});
}

void sim_state_store::import_finish(shard_id /*shard*/, persistence::snapshot_point point, import_done done) {
  add({task_kind::import_finish, {}, {}, std::move(point), std::move(done)});
}

void sim_state_store::begin() {
  if (queue_.empty()) {
    return;
  }
  busy_ = true;
  do {
    under_way_.push_back(std::move(queue_.front()));
    queue_.pop_front();
  } while (under_way_.front().what == task_kind::flush && !queue_.empty() && queue_.front().what == task_kind::flush);
  world_.events.plan(world_.now + duration(), event_kind::state_task, life_.index, life_.number);
}

time_us sim_state_store::duration() {
  dice& random = world_.random;
  time_us result = random.between(200, 4000);
  if (random.chance(0.05)) {
    result = random.between(5 * ms, 60 * ms);
  }
  if (world_.faulty && random.chance(world_.kind.disk_stalls)) {
    result = random.between(500 * ms, 3000 * ms);
  }
  if (slow_until_ > world_.now && world_.faulty) {
    result += random.between(10 * ms, 200 * ms);
  }
  return result;
}

// --- work -----------------------------------------------------------------------------------------

void sim_state_store::task_done() {
  busy_ = false;
  if (under_way_.front().what == task_kind::flush) {
    carry_out_flushes();
    under_way_.clear();
  } else {
    task done = std::move(under_way_.front());
    under_way_.clear();
    carry_out(done);
  }
  if (!busy_) {
    begin();
  }
}

void sim_state_store::carry_out_flushes() {
  bool written = false;
  for (const task& each : under_way_) {
    if (each.flush.to.generation != disk_.state().generation) {
      continue;
    }
    if (!std::exchange(written, true)) {
      disk_.begin_commit();
    }
    for (const auto& segment : each.flush.segments) {
      for (const persistence::overlay_row& row : segment->rows()) {
        // A copy: what is on the disk holds no memory of the process.
        disk_.write(std::string(row.key), row.erased ? std::nullopt : std::optional(slice::copy_of(row.value)));
      }
    }
    check_.state_written(life_.index, each.flush.to.point);
    disk_.end_commit(each.flush.to);
  }
  if (written) {
    ++world_.counted.flushes;
    if (flushed) {
      flushed({under_way_.front().flush.shard, disk_.state(), disk_.durable()});
    }
  }
}

void sim_state_store::carry_out(task& what) {
  if (what.what == task_kind::sync) {
    disk_.sync();
    if (flushed) {
      flushed({shard_id{0}, disk_.state(), disk_.durable()});
    }
    return;
  }
  const storage_result<flushed_state> answer = import_answer(what);
  if (what.done) {
    what.done(answer);
  }
}

storage_result<flushed_state> sim_state_store::import_answer(task& what) {
  if (what.what == task_kind::import_begin) {
    import_.emplace();
    return disk_.state();
  }
  if (!import_) {
    return fail(persistence_errc::invalid_argument, "no import was begun");
  }
  if (what.what == task_kind::import_chunk) {
    if (what.chunk.number != import_->next || persistence::crc32c(what.chunk.rows.view()) != what.chunk.crc) {
      return fail(persistence_errc::corrupt, "this is not the next chunk");
    }
    ++import_->next;
    import_->complete = what.chunk.last;
    unpack_rows(what.chunk.rows.view(), import_->rows);
    return disk_.state();
  }
  if (!import_->complete) {
    return fail(persistence_errc::invalid_argument, "the import is not complete");
  }
  disk_.replace(std::move(import_->rows), {std::move(what.point), disk_.state().generation + 1});
  import_.reset();
  return disk_.state();
}

void sim_state_store::crash() {
  dice& random = world_.random;
  if (busy_ && random.chance(0.3)) {
    // The last thing a commit writes is the page that makes it visible: it may be there.
    flushed = nullptr;
    if (under_way_.front().what == task_kind::flush) {
      carry_out_flushes();
    } else {
      under_way_.front().done = nullptr;
      carry_out(under_way_.front());
    }
  }
  if (disk_.can_lose() && random.chance(0.5)) {
    ++world_.counted.undone_flushes;
    disk_.lose_last_commit();
  }
  drop_all();
}

void sim_state_store::finish() {
  flushed = nullptr;
  for (task& each : queue_) {
    under_way_.push_back(std::move(each));
  }
  std::erase_if(under_way_, [](const task& each) { return each.what != task_kind::flush; });
  if (!under_way_.empty()) {
    carry_out_flushes();
  }
  drop_all();
}

void sim_state_store::drop_all() {
  disk_.sync(); // what the next process finds stays
  queue_.clear();
  under_way_.clear();
  jobs_.clear();
  import_.reset();
  busy_ = false;
}

// --- reading --------------------------------------------------------------------------------------

storage_result<std::unique_ptr<persistence::state_snapshot>> sim_state_store::snapshot() {
  return std::make_unique<sim_snapshot>(disk_);
}

storage_result<std::unique_ptr<persistence::state_export>> sim_state_store::begin_export(shard_id /*shard*/) {
  return std::make_unique<sim_export>(disk_);
}

storage_result<void> sim_state_store::run_on_reader(std::function<void()> job) {
  if (jobs_.size() >= jobs_max) {
    return fail(persistence_errc::busy, "too many reads");
  }
  jobs_.push_back(std::move(job));
  world_.events.plan(world_.now + world_.random.between(50, 2000), event_kind::reader, life_.index, life_.number);
  return {};
}

void sim_state_store::reader_turns() {
  const std::function<void()> job = std::move(jobs_.front());
  jobs_.pop_front();
  job();
}

} // namespace godwit::simulation
