#include "persistence/lmdb/lmdb_log_store.hpp"

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include <pthread.h>

#include <lmdb.h>

#include "config/limits.hpp"
#include "persistence/base/mutant.hpp"

namespace godwit::persistence::lmdb {
namespace {

/// Payload in one transaction: what more shards have queued goes into the next.
constexpr std::size_t transaction_bytes_max = 64 << 20;

/// A write's own weight beside its payloads.
constexpr std::size_t write_bytes = sizeof(log_write);

/// Rows removed along with a write: a backlog shrinks, and no write waits long for it.
constexpr std::uint32_t removals_per_entry = 4;
constexpr std::uint32_t removals_min = 64;

/// What a transaction writes beside payload, about: pages of the tree that it changes.
constexpr std::size_t tree_bytes = 1 << 20;

/// Between two transactions that do nothing but remove.
constexpr std::chrono::milliseconds removal_pause{10};

bool is_urgent(const log_write& write) { return write.reset || write.hard || write.first != 0; }

std::size_t bytes_of(const log_write& write) {
  std::size_t bytes = write_bytes;
  for (const log_entry& entry : write.entries) {
    bytes += entry.payload.size() + sizeof(log_entry);
  }
  return bytes;
}

} // namespace

storage_result<std::unique_ptr<lmdb_log_store>> lmdb_log_store::open(environment& env, log_sink& sink,
                                                                     const log_store_options& options) {
  const auto databases = open_log_databases(env);
  if (!databases) {
    return unexpected(databases.error());
  }
  auto index = scan_log(env, *databases);
  if (!index) {
    return unexpected(index.error());
  }
  return std::unique_ptr<lmdb_log_store>(new lmdb_log_store(env, sink, options, *databases, std::move(*index)));
}

lmdb_log_store::lmdb_log_store(environment& env, log_sink& sink, const log_store_options& options,
                               log_databases databases, log_index index)
    : env_(env), sink_(sink), options_(options), databases_(databases), index_(std::move(index)) {
  if (!index_.leftovers.empty()) {
    trim_at_ = clock::now() + options_.trim_delay;
  }
  thread_ = std::thread([this] { run(); });
  ::pthread_setname_np(thread_.native_handle(), "godwit-log");
}

lmdb_log_store::~lmdb_log_store() {
  queue_.close();
  if (thread_.joinable()) {
    thread_.join();
  }
}

void lmdb_log_store::abandon() {
  abandoned_ = true;
  queue_.close();
  thread_.join();
}

void lmdb_log_store::submit(log_write write) {
  const std::size_t bytes = bytes_of(write);
  bytes_queued_ += bytes;
  if (!queue_.push({std::move(write), bytes})) {
    bytes_queued_ -= bytes;
  }
}

void lmdb_log_store::kick() { queue_.kick(); }

// --- the thread -----------------------------------------------------------------------------------

void lmdb_log_store::run() {
  for (bool open = true; open;) {
    const std::size_t before = batch_.size();
    open = queue_.take(batch_, wake_at());
    if (abandoned_) {
      return;
    }
    if (failed_) {
      drop(batch_.size());
      continue;
    }
    take_note(clock::now(), before);
    // At the end there is one attempt, whatever the pause.
    bool progress = true;
    while (progress && !failed_ && (!open || wake_at() <= clock::now())) {
      const std::size_t length = batch_.size();
      if (length == 0 && (!open || !removals_wait())) {
        break;
      }
      write_batch(clock::now());
      progress = batch_.size() < length;
    }
  }
}

void lmdb_log_store::take_note(clock::time_point now, std::size_t from) {
  for (std::size_t i = from; i < batch_.size(); ++i) {
    if (is_urgent(batch_[i].write)) {
      urgent_ = true;
    } else if (trim_at_ == clock::time_point::max()) {
      trim_at_ = now + options_.trim_delay;
    }
  }
}

lmdb_log_store::clock::time_point lmdb_log_store::wake_at() const {
  if (failed_) {
    return clock::time_point::max();
  }
  if (no_room_) {
    return retry_at_;
  }
  return urgent_ ? clock::time_point() : trim_at_;
}

void lmdb_log_store::write_batch(clock::time_point now) {
  // As many as fit, at least one.
  std::size_t count = 0;
  std::size_t bytes = 0;
  for (; count < batch_.size() && (count == 0 || bytes + batch_[count].bytes <= transaction_bytes_max); ++count) {
    bytes += batch_[count].bytes;
  }
  if (mutated(mutant::split_hard_state)) {
    write_terms_alone(count);
  }
  int code = attempt(count);
  while (code == MDB_MAP_FULL) {
    const auto grown = env_.grow(true);
    if (!grown && grown.error().code == persistence_errc::no_space) {
      const int made = make_room();
      const storage_error why = env_.error(made == 0 ? MDB_MAP_FULL : made, "writing the log");
      return why.code == persistence_errc::no_space ? no_room(why, now) : give_up(why);
    }
    if (!grown) {
      return give_up(grown.error());
    }
    code = attempt(count);
  }
  if (code == 0) {
    complete(count, now);
    // Not worth an error of its own: when the map is really full, the write that needs it says so.
    (void)env_.grow(false);
    return;
  }
  if (code == EIO && env_.disk_full(bytes * 2 + tree_bytes)) {
    code = ENOSPC;
  }
  storage_error why = env_.error(code, "writing the log");
  if (why.code == persistence_errc::no_space) {
    return no_room(why, now);
  }
  if (code == EINVAL) {
    why = {persistence_errc::invalid_argument, "data folder " + env_.folder().string() +
                                                 ": a write does not continue the log of its shard. This is a "
                                                 "fault of the program: report it and start the node again."};
  }
  give_up(why);
}

int lmdb_log_store::attempt(std::size_t count) {
  log_transaction transaction(env_, databases_, index_);
  int code = transaction.begin();
  trim_points trims = trims_;
  std::uint32_t entries = 0;
  std::uint64_t resets = 0;
  for (std::size_t i = 0; code == 0 && i < count; ++i) {
    const log_write& write = batch_[i].write;
    code = transaction.apply(write);
    if (write.reset) {
      trims.erase(write.shard);
      ++resets;
    }
    if (write.trim_below != 0) {
      // Entries that come later at these indexes are not meant.
      index_t& below = trims[write.shard];
      below = std::max(below, std::min(write.trim_below, transaction.end_of(write.shard)));
    }
    entries += static_cast<std::uint32_t>(write.entries.size());
  }
  if (code == 0 && holds_ == 0) {
    const std::uint32_t share = std::max(removals_min, entries * removals_per_entry);
    code = transaction.remove(trims, urgent_ ? std::min(share, limits::removals_per_transaction)
                                             : limits::removals_per_transaction);
  }
  if (code == 0) {
    // Counted before they are visible: whoever sees an old count after copying has copied no reset.
    resets_ += resets;
    const bool unsynced = mutated(mutant::vote_unsynced) && only_votes(count);
    if (unsynced) {
      mdb_env_set_flags(env_.raw(), MDB_NOSYNC, 1);
    }
    code = transaction.commit();
    if (unsynced) {
      mdb_env_set_flags(env_.raw(), MDB_NOSYNC, 0);
    }
  }
  if (code == 0) {
    ++transactions_;
    const std::lock_guard lock(index_mutex_);
    transaction.publish();
    trims_ = std::move(trims);
  }
  return code;
}

int lmdb_log_store::make_room() {
  // Trims that wait behind writes that have no room go ahead, as far as those writes allow.
  trim_points trims = trims_;
  for (const queued_write& queued : batch_) {
    if (queued.write.trim_below != 0) {
      index_t& below = trims[queued.write.shard];
      below = std::max(below, queued.write.trim_below);
    }
  }
  for (const queued_write& queued : batch_) {
    const auto trim = trims.find(queued.write.shard);
    if (trim != trims.end() && queued.write.reset) {
      trims.erase(trim);
    } else if (trim != trims.end() && queued.write.first != 0) {
      trim->second = std::min(trim->second, queued.write.first);
    }
  }
  const auto removable = [this](const auto& trim) {
    const auto found = index_.shards.find(trim.first);
    return found != index_.shards.end() && found->second.row.first_index < trim.second &&
           !found->second.sequences.empty();
  };
  if (holds_ != 0 || (index_.leftovers.empty() && std::none_of(trims.begin(), trims.end(), removable))) {
    return 0;
  }
  // Removing writes pages, too.
  if (!env_.open_reserve()) {
    return MDB_MAP_FULL;
  }
  int code = 0;
  // What one transaction frees serves the one after the next: the second does nothing else but come between.
  for (const std::uint32_t rows : {limits::removals_per_transaction, std::uint32_t{0}}) {
    log_transaction transaction(env_, databases_, index_);
    if ((code = transaction.begin()) != 0 || (code = transaction.remove(trims, rows)) != 0) {
      break;
    }
    const auto& [shard, log] = *index_.shards.begin();
    transaction.put_hard_state(shard, log.row.hard);
    if ((code = transaction.commit()) != 0) {
      break;
    }
    const std::lock_guard lock(index_mutex_);
    transaction.publish();
  }
  const auto closed = env_.close_reserve();
  return code == 0 && !closed ? EIO : code;
}

void lmdb_log_store::complete(std::size_t count, clock::time_point now) {
  completions_.clear();
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < count; ++i) {
    bytes += batch_[i].bytes;
    if (batch_[i].write.generation != 0) {
      completions_.push_back({batch_[i].write.shard, batch_[i].write.generation});
    }
  }
  batch_.erase(batch_.begin(), batch_.begin() + static_cast<std::ptrdiff_t>(count));
  urgent_ = std::any_of(batch_.begin(), batch_.end(), [](const auto& queued) { return is_urgent(queued.write); });
  bytes_queued_ -= bytes;
  forget_finished_trims();
  if (!removals_wait()) {
    trim_at_ = clock::time_point::max();
  } else if (holds_ != 0 || trim_at_ == clock::time_point::max()) {
    trim_at_ = now + options_.trim_delay;
  } else if (trim_at_ <= now) {
    trim_at_ = now + removal_pause;
  }
  if (no_room_) {
    no_room_ = false;
    retry_delay_ = std::chrono::milliseconds(0);
    sink_.log_recovered();
  }
  if (!completions_.empty()) {
    sink_.log_written(completions_);
  }
}

void lmdb_log_store::forget_finished_trims() {
  std::erase_if(trims_, [this](const auto& trim) {
    const auto found = index_.shards.find(trim.first);
    return found == index_.shards.end() || found->second.row.first_index >= trim.second ||
           found->second.sequences.empty();
  });
}

bool lmdb_log_store::removals_wait() const {
  return !trims_.empty() || !index_.leftovers.empty() ||
         std::any_of(batch_.begin(), batch_.end(), [](const auto& queued) { return !is_urgent(queued.write); });
}

void lmdb_log_store::no_room(const storage_error& why, clock::time_point now) {
  retry_delay_ = std::clamp(retry_delay_ * 2, options_.retry_delay_min, options_.retry_delay_max);
  retry_at_ = now + retry_delay_;
  if (!no_room_) {
    no_room_ = true;
    sink_.log_failed(why);
  }
}

void lmdb_log_store::give_up(const storage_error& why) {
  failed_ = true;
  drop(batch_.size());
  sink_.log_failed(why);
}

void lmdb_log_store::drop(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    bytes_queued_ -= batch_[i].bytes;
  }
  batch_.erase(batch_.begin(), batch_.begin() + static_cast<std::ptrdiff_t>(count));
}

// A rule that a test build can switch off: term and vote go to the disk together. Without it the new term
// is there before the new vote is, beside the vote of the term before.
void lmdb_log_store::write_terms_alone(std::size_t count) {
  log_transaction transaction(env_, databases_, index_);
  if (transaction.begin() != 0) {
    return;
  }
  for (std::size_t i = 0; i < count; ++i) {
    const log_write& write = batch_[i].write;
    const auto found = index_.shards.find(write.shard);
    if (write.hard && found != index_.shards.end()) {
      transaction.put_hard_state(write.shard, {write.hard->term, found->second.row.hard.vote});
    }
  }
  if (transaction.commit() == 0) {
    const std::lock_guard lock(index_mutex_);
    transaction.publish();
  }
}

bool lmdb_log_store::only_votes(std::size_t count) const {
  return std::all_of(batch_.begin(), batch_.begin() + static_cast<std::ptrdiff_t>(count),
                     [](const auto& queued) { return queued.write.hard && queued.write.first == 0; });
}

} // namespace godwit::persistence::lmdb
