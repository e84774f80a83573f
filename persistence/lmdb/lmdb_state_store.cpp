#include "persistence/lmdb/lmdb_state_store.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include <lmdb.h>

#include "persistence/lmdb/lmdb_state_snapshot.hpp"
#include "persistence/state/overlay_segment.hpp"

namespace godwit::persistence::lmdb {
namespace {

std::size_t bytes_of(const state_flush& flush) {
  std::size_t bytes = 0;
  for (const auto& segment : flush.segments) {
    bytes += segment->bytes();
  }
  return bytes;
}

std::size_t rows_of(const state_flush& flush) {
  std::size_t rows = 0;
  for (const auto& segment : flush.segments) {
    rows += segment->row_count();
  }
  return rows;
}

} // namespace

storage_result<std::unique_ptr<lmdb_state_store>> lmdb_state_store::open(environment& env, state_sink& sink,
                                                                         const lmdb_state_store_options& options) {
  auto writer = state_writer::open(env);
  if (!writer) {
    return unexpected(std::move(writer.error()));
  }
  return std::unique_ptr<lmdb_state_store>(new lmdb_state_store(env, sink, options, *std::move(writer)));
}

lmdb_state_store::lmdb_state_store(environment& env, state_sink& sink, const lmdb_state_store_options& options,
                                   std::unique_ptr<state_writer> writer)
    : env_(env),
      sink_(sink),
      options_(options),
      writer_(std::move(writer)),
      readers_(options.reader_threads, options.reader_queue_max),
      thread_([this] { run(); }) {}

lmdb_state_store::~lmdb_state_store() {
  // Readers first: the writer may have to wait for their transactions.
  readers_.stop();
  queue_.close();
  thread_.join();
}

// --- any thread -----------------------------------------------------------------------------------

storage_result<flushed_state> lmdb_state_store::recover(shard_id shard) {
  auto picture = snapshot();
  if (!picture) {
    return unexpected(std::move(picture.error()));
  }
  return (*picture)->at(shard); // durable: opening the environment synced it
}

void lmdb_state_store::flush(state_flush what) { queue_.push(std::move(what)); }

void lmdb_state_store::kick() { queue_.kick(); }

void lmdb_state_store::sync() { submit(sync_request{}); }

storage_result<std::unique_ptr<state_snapshot>> lmdb_state_store::snapshot() {
  auto txn = env_.begin_read();
  if (!txn) {
    return unexpected(std::move(txn.error()));
  }
  return std::make_unique<lmdb_state_snapshot>(env_, writer_->tables(), *std::move(txn));
}

storage_result<void> lmdb_state_store::run_on_reader(std::function<void()> job) {
  if (!readers_.run(std::move(job))) {
    return fail(persistence_errc::busy, "too many reads wait for the disk; try again later");
  }
  return {};
}

storage_result<std::unique_ptr<state_export>> lmdb_state_store::begin_export(shard_id shard) {
  auto picture = snapshot();
  if (!picture) {
    return unexpected(std::move(picture.error()));
  }
  auto state = (*picture)->at(shard);
  if (!state) {
    return unexpected(std::move(state.error()));
  }
  return std::make_unique<lmdb_state_export>(*std::move(picture), shard, std::move(state->point));
}

void lmdb_state_store::import_begin(shard_id shard, import_done done) { submit(begin_import{shard, std::move(done)}); }

void lmdb_state_store::import_chunk(shard_id shard, state_chunk chunk, import_done done) {
  submit(import_rows{shard, std::move(chunk), std::move(done)});
}

void lmdb_state_store::import_finish(shard_id shard, snapshot_point point, import_done done) {
  submit(finish_import{shard, std::move(point), std::move(done)});
}

void lmdb_state_store::submit(request what) {
  queue_.push(std::move(what));
  queue_.kick();
}

// --- the state thread -----------------------------------------------------------------------------

void lmdb_state_store::run() {
  std::vector<request> taken;
  for (bool open = true; open;) {
    open = queue_.take(taken, wake_at(clock::now()));
    sort_in(taken);
    const clock::time_point now = clock::now();
    if (!failed_ && !imports_.empty() && now >= next_import_) {
      // One at a time: rows of other shards go on meanwhile.
      request next = std::move(imports_.front());
      imports_.pop_front();
      answer_import(std::move(next));
    }
    if (!failed_ && flush_wanted(now)) {
      write_some(now);
    }
    if (!failed_ && !out_of_space_ && writer_->unsynced() &&
        (sync_wanted_ || (flushes_.empty() && imports_.empty() && now >= last_write_ + options_.idle_sync))) {
      sync_now();
    }
    sync_wanted_ = sync_wanted_ && !flushes_.empty();
    tell();
  }
  finish();
}

void lmdb_state_store::sort_in(std::vector<request>& taken) {
  for (request& each : taken) {
    if (failed_) {
      refuse(std::move(each));
    } else if (auto* const flush = std::get_if<state_flush>(&each)) {
      flush_bytes_ += bytes_of(*flush);
      flushes_.push_back(std::move(*flush));
    } else if (std::holds_alternative<sync_request>(each)) {
      sync_wanted_ = true;
    } else {
      imports_.push_back(std::move(each));
    }
  }
  taken.clear();
}

bool lmdb_state_store::flush_wanted(clock::time_point now) const {
  if (flushes_.empty() && !writer_->removals_left()) {
    return false;
  }
  return now >= not_before_ || (!out_of_space_ && (sync_wanted_ || flush_bytes_ >= options_.pile_bytes));
}

lmdb_state_store::clock::time_point lmdb_state_store::wake_at(clock::time_point now) const {
  if (failed_) {
    return clock::time_point::max();
  }
  if (flush_wanted(now)) {
    return now;
  }
  const bool flushes = !flushes_.empty() || writer_->removals_left();
  if (flushes || !imports_.empty()) {
    return std::min(flushes ? not_before_ : clock::time_point::max(),
                    imports_.empty() ? clock::time_point::max() : std::max(next_import_, now));
  }
  return writer_->unsynced() ? last_write_ + options_.idle_sync : clock::time_point::max();
}

/// The oldest flush, then whatever else there is of its shard and of as many others as there is room for: rows that a
/// shard wrote several times, and the pages that its rows share, are written once.
std::vector<state_flush> lmdb_state_store::take_batch() {
  std::map<shard_id, std::size_t> rows_by_shard;
  for (const state_flush& each : flushes_) {
    rows_by_shard[each.shard] += rows_of(each);
  }
  std::set<shard_id> shards;
  std::size_t rows = 0;
  for (const state_flush& each : flushes_) {
    if (shards.empty() || rows < options_.transaction_rows_max) {
      rows += shards.insert(each.shard).second ? rows_by_shard[each.shard] : 0;
    }
  }
  std::vector<state_flush> batch;
  std::deque<state_flush> rest;
  for (state_flush& each : flushes_) {
    if (!shards.contains(each.shard)) {
      rest.push_back(std::move(each));
      continue;
    }
    flush_bytes_ -= bytes_of(each);
    batch.push_back(std::move(each));
  }
  flushes_.swap(rest);
  return batch;
}

void lmdb_state_store::write_some(clock::time_point now) {
  std::vector<state_flush> batch = take_batch();
  auto written = writer_->write(batch, options_.removals_per_transaction);
  if (written) {
    not_before_ = now + options_.flush_interval;
    last_write_ = clock::now();
    retry_ = options_.retry_min;
    if (std::exchange(out_of_space_, false)) {
      sink_.state_recovered();
    }
    return;
  }
  if (written.error().code != persistence_errc::no_space) {
    give_up(written.error());
    return;
  }
  for (auto each = batch.rbegin(); each != batch.rend(); ++each) {
    flush_bytes_ += bytes_of(*each);
    flushes_.push_front(std::move(*each));
  }
  if (!std::exchange(out_of_space_, true)) {
    retry_ = options_.retry_min;
    sink_.state_failed(written.error());
  }
  not_before_ = clock::now() + retry_;
  retry_ = std::min(retry_ * 2, options_.retry_max);
}

void lmdb_state_store::answer_import(request what) {
  // no_space goes to the caller, who comes again; what else a transaction can fail with is final.
  const auto answer = [this](const import_done& done, storage_result<flushed_state> result) {
    last_write_ = clock::now();
    const bool final = !result && (result.error().code == persistence_errc::io_error ||
                                   result.error().code == persistence_errc::read_only);
    const storage_error why = final ? result.error() : storage_error{};
    tell(); // what was written before comes before the answer
    done(std::move(result));
    if (final) {
      give_up(why);
    }
  };
  if (auto* const begin = std::get_if<begin_import>(&what)) {
    answer(begin->done, writer_->import_begin(begin->shard));
  } else if (auto* const rows = std::get_if<import_rows>(&what)) {
    const clock::time_point began = clock::now();
    auto imported = writer_->import_chunk(rows->shard, rows->chunk);
    // A disk that is slow is busy: with the logs of this node, or with what else is on it.
    const clock::time_point ended = clock::now();
    next_import_ = ended + std::min<clock::duration>((ended - began) * options_.import_rest, options_.import_rest_max);
    answer(rows->done, std::move(imported));
  } else if (auto* const finish = std::get_if<finish_import>(&what)) {
    answer(finish->done, writer_->import_finish(finish->shard, std::move(finish->point)));
  }
}

void lmdb_state_store::sync_now() {
  if (auto synced = writer_->sync(); !synced) {
    give_up(synced.error());
  }
}

void lmdb_state_store::tell() {
  if (const std::vector<flush_completion> done = writer_->take_completions(); !done.empty()) {
    sink_.state_flushed(done);
  }
}

void lmdb_state_store::finish() {
  while (!failed_ && !out_of_space_ && !flushes_.empty()) {
    write_some(clock::now());
  }
  if (!failed_ && writer_->unsynced()) {
    sync_now();
  }
  tell();
  for (request& each : imports_) {
    refuse(std::move(each));
  }
  imports_.clear();
}

void lmdb_state_store::give_up(const storage_error& why) {
  failed_ = true;
  flushes_.clear();
  flush_bytes_ = 0;
  sink_.state_failed(why);
  for (request& each : std::exchange(imports_, {})) {
    refuse(std::move(each));
  }
}

void lmdb_state_store::refuse(request what) const {
  const auto answer = [this](const import_done& done) {
    done(fail(persistence_errc::stopped,
              "data folder " + env_.folder().string() + ": the state store has stopped; start the node again"));
  };
  if (auto* const begin = std::get_if<begin_import>(&what)) {
    answer(begin->done);
  } else if (auto* const rows = std::get_if<import_rows>(&what)) {
    answer(rows->done);
  } else if (auto* const finish = std::get_if<finish_import>(&what)) {
    answer(finish->done);
  }
}

} // namespace godwit::persistence::lmdb
