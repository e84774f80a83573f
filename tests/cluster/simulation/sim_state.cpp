#include "tests/cluster/simulation/sim_state.hpp"

#include <set>

#include "persistence/base/crc32c.hpp"
#include "persistence/state/overlay_segment.hpp"
#include "persistence/state/snapshot_rows.hpp"

namespace godwit::cluster_sim {

using persistence::fail;
using persistence::flushed_state;
using persistence::persistence_errc;
using persistence::slice;
using persistence::storage_result;
using simulation::stored_rows;

namespace {

constexpr std::size_t jobs_max = 64;

struct picture {
  flushed_state at;
  std::shared_ptr<const stored_rows> rows;
};

class sim_snapshot final : public persistence::state_snapshot {
public:
  explicit sim_snapshot(const state_disks& disks) {
    for (const auto& [shard, disk] : disks) {
      shards_[shard] = {disk.state(), disk.rows()};
    }
  }

  storage_result<flushed_state> at(shard_id shard) override { return shards_[shard].at; }

  storage_result<std::optional<slice>> get(shard_id shard, std::string_view key) override {
    const stored_rows& rows = rows_of(shard);
    const auto found = rows.find(key);
    return found == rows.end() ? std::nullopt : std::optional<slice>(found->second);
  }

  storage_result<void> scan(shard_id shard, const persistence::row_range& range,
                            const std::function<bool(std::string_view, std::string_view)>& visit) override {
    const stored_rows& rows = rows_of(shard);
    const auto first = rows.lower_bound(range.from);
    auto end = range.to.empty() ? rows.end() : rows.lower_bound(range.to);
    if (!range.reverse) {
      for (auto each = first; each != end && visit(each->first, each->second.view()); ++each) {
      }
      return {};
    }
    while (end != first) {
      --end;
      if (!visit(end->first, end->second.view())) {
        break;
      }
    }
    return {};
  }

private:
  const stored_rows& rows_of(shard_id shard) {
    static const stored_rows none;
    const picture& found = shards_[shard];
    return found.rows == nullptr ? none : *found.rows;
  }

  std::map<shard_id, picture> shards_;
};

class sim_export final : public persistence::state_export {
public:
  explicit sim_export(const simulation::state_disk& disk) : picture_{disk.state(), disk.rows()} {}

  [[nodiscard]] const persistence::snapshot_point& point() const override { return picture_.at.point; }

  storage_result<persistence::state_chunk> next(std::string_view after, std::uint64_t number,
                                                std::size_t bytes_max) override {
    persistence::state_chunk chunk;
    chunk.number = number;
    std::string bytes;
    auto each = after.empty() ? picture_.rows->begin() : picture_.rows->upper_bound(after);
    for (; each != picture_.rows->end() && bytes.size() < bytes_max; ++each) {
      persistence::append_snapshot_row(bytes, each->first, each->second.view());
      chunk.last_key = each->first;
    }
    chunk.last = each == picture_.rows->end();
    chunk.crc = persistence::crc32c(bytes);
    chunk.rows = slice::adopt(std::move(bytes));
    return chunk;
  }

private:
  picture picture_;
};

} // namespace

// --- writing ------------------------------------------------------------------------------------------

storage_result<flushed_state> sim_state::recover(shard_id shard) { return disks_[shard].state(); }

void sim_state::flush(persistence::state_flush what) {
  if (life_) {
    queue_.push_back({std::move(what), {}, {}});
  }
}

void sim_state::kick() {
  if (life_ && under_way_.empty()) {
    begin();
  }
}

void sim_state::add(task what) {
  if (life_) {
    queue_.push_back(std::move(what));
    kick();
  } else if (what.done) {
    what.done(fail(persistence_errc::stopped, "the process has ended"));
  }
}

void sim_state::begin() {
  if (queue_.empty()) {
    return;
  }
  do {
    under_way_.push_back(std::move(queue_.front()));
    queue_.pop_front();
  } while (under_way_.front().flush && !queue_.empty() && queue_.front().flush);
  const monotonic_ms lasts = with_.random->between(1, 5) + *with_.slow_ms;
  with_.time->at(with_.time->now() + lasts, [this, life = std::weak_ptr(life_)] {
    if (!life.expired()) {
      turn();
    }
  });
}

void sim_state::turn() {
  if (under_way_.front().flush) {
    commit(true);
    under_way_.clear();
  } else {
    task what = std::move(under_way_.front());
    under_way_.clear();
    const auto answer = what.work();
    if (what.done) {
      what.done(answer);
    }
  }
  if (life_ && under_way_.empty()) {
    begin();
  }
}

/// One commit for all shards that have something: what was committed before it is durable from here on.
void sim_state::commit(bool tell) {
  std::set<shard_id> touched;
  std::vector<persistence::flush_completion> told;
  for (auto& [shard, disk] : disks_) {
    if (disk.can_lose()) {
      disk.sync();
      touched.insert(shard);
    }
  }
  std::set<shard_id> begun;
  for (const task& each : under_way_) {
    simulation::state_disk& disk = disks_[each.flush->shard];
    if (each.flush->to.generation != disk.state().generation) {
      continue;
    }
    if (begun.insert(each.flush->shard).second) {
      disk.begin_commit();
    }
    for (const auto& segment : each.flush->segments) {
      for (const persistence::overlay_row& row : segment->rows()) {
        // A copy: what is on the disk holds no memory of the process.
        disk.write(std::string(row.key), row.erased ? std::nullopt : std::optional(slice::copy_of(row.value)));
      }
    }
    disk.end_commit(each.flush->to);
    touched.insert(each.flush->shard);
  }
  for (const shard_id each : touched) {
    told.push_back({each, disks_[each].state(), disks_[each].durable()});
  }
  if (tell && !told.empty()) {
    sink_.state_flushed(told);
  }
}

void sim_state::sync() {
  add({{},
       [this]() -> storage_result<flushed_state> {
         sync_all(true);
         return flushed_state{};
       },
       {}});
}

void sim_state::sync_all(bool tell) {
  std::vector<persistence::flush_completion> told;
  for (auto& [shard, disk] : disks_) {
    if (disk.can_lose()) {
      disk.sync();
      told.push_back({shard, disk.state(), disk.durable()});
    }
  }
  if (tell && !told.empty()) {
    sink_.state_flushed(told);
  }
}

void sim_state::crash() {
  life_.reset();
  if (!under_way_.empty() && under_way_.front().flush && with_.random->chance(0.3)) {
    commit(false); // the last thing a commit writes is the page that makes it visible: it may be there
  }
  if (with_.random->chance(0.5)) {
    for (auto& [shard, disk] : disks_) {
      disk.lose_last_commit();
    }
  }
  sync_all(false); // what the next process finds stays
  const auto refuse = [](auto& tasks) {
    for (task& each : std::exchange(tasks, {})) {
      if (each.done) {
        each.done(fail(persistence_errc::stopped, "the process has ended"));
      }
    }
  };
  refuse(under_way_);
  refuse(queue_);
  imports_.clear();
  while (!jobs_.empty()) {
    run_job();
  }
}

// --- imports ------------------------------------------------------------------------------------------

void sim_state::import_begin(shard_id shard, import_done done) {
  add({{},
       [this, shard]() -> storage_result<flushed_state> {
         imports_[shard] = {};
         return flushed_state{{}, disks_[shard].state().generation + 1};
       },
       std::move(done)});
}

void sim_state::import_chunk(shard_id shard, persistence::state_chunk chunk, import_done done) {
  add({{}, [this, shard, chunk = std::move(chunk)] { return take(shard, chunk); }, std::move(done)});
}

void sim_state::import_finish(shard_id shard, persistence::snapshot_point point, import_done done) {
  add({{}, [this, shard, point = std::move(point)] { return finish(shard, point); }, std::move(done)});
}

storage_result<flushed_state> sim_state::take(shard_id shard, const persistence::state_chunk& chunk) {
  const auto found = imports_.find(shard);
  if (found == imports_.end() || chunk.number != found->second.next || found->second.complete) {
    return fail(persistence_errc::invalid_argument, "a chunk is out of order");
  }
  import& into = found->second;
  if (persistence::crc32c(chunk.rows.view()) != chunk.crc) {
    return fail(persistence_errc::corrupt, "a chunk was damaged");
  }
  persistence::snapshot_row_reader rows(chunk.rows.view(), into.last);
  for (std::pair<std::string_view, std::string_view> row; rows.next(row.first, row.second);) {
    into.rows.insert_or_assign(std::string(row.first), slice::copy_of(row.second));
    into.last = row.first;
  }
  if (!rows.ok()) {
    return fail(persistence_errc::corrupt, "a chunk holds no rows");
  }
  ++into.next;
  into.complete = chunk.last;
  return flushed_state{{}, disks_[shard].state().generation + 1};
}

storage_result<flushed_state> sim_state::finish(shard_id shard, persistence::snapshot_point point) {
  const auto found = imports_.find(shard);
  if (found == imports_.end() || !found->second.complete) {
    return fail(persistence_errc::invalid_argument, "the last chunk has not come");
  }
  simulation::state_disk& disk = disks_[shard];
  disk.replace(std::move(found->second.rows), {std::move(point), disk.state().generation + 1});
  imports_.erase(found);
  ++imported_;
  return disk.state();
}

// --- reading ------------------------------------------------------------------------------------------

storage_result<std::unique_ptr<persistence::state_snapshot>> sim_state::snapshot() {
  return std::make_unique<sim_snapshot>(disks_);
}

storage_result<std::unique_ptr<persistence::state_export>> sim_state::begin_export(shard_id shard) {
  return std::make_unique<sim_export>(disks_[shard]);
}

storage_result<void> sim_state::run_on_reader(std::function<void()> job) {
  if (!life_) {
    job();
    return {};
  }
  if (jobs_.size() >= jobs_max) {
    return fail(persistence_errc::busy, "too many reads");
  }
  jobs_.push_back(std::move(job));
  with_.time->at(with_.time->now() + with_.random->between(1, 2), [this, life = std::weak_ptr(life_)] {
    if (!life.expired()) {
      run_job();
    }
  });
  return {};
}

void sim_state::run_job() {
  const std::function<void()> job = std::move(jobs_.front());
  jobs_.pop_front();
  job();
}

} // namespace godwit::cluster_sim
