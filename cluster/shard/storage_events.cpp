#include "cluster/shard/storage_events.hpp"

#include <algorithm>
#include <utility>

#include "cluster/base/entity.hpp"
#include "cluster/shard/loop_shards.hpp"
#include "cluster/shard/shard_log.hpp"

namespace godwit::cluster {

using namespace persistence; // NOLINT: speaks of little else

namespace {

/// The completions of each loop, in their order.
template <class Completion>
std::vector<std::pair<loop_shards*, std::vector<Completion>>>
by_loop(const std::vector<std::shared_ptr<loop_shards>>& loop_of_shard, std::span<const Completion> done) {
  std::vector<std::pair<loop_shards*, std::vector<Completion>>> out;
  for (const Completion& each : done) {
    const std::size_t place = each.shard == meta_shard ? loop_of_shard.size() - 1 : each.shard.value();
    if (place >= loop_of_shard.size()) {
      continue;
    }
    loop_shards* const loop = loop_of_shard[place].get();
    // A node has few loops, so that a search is the quickest.
    auto found = std::find_if(out.begin(), out.end(), [&](const auto& part) { return part.first == loop; });
    if (found == out.end()) {
      out.emplace_back(loop, std::vector<Completion>{});
      out.back().second.reserve(done.size());
      found = out.end() - 1;
    }
    found->second.push_back(each);
  }
  return out;
}

} // namespace

storage_events::storage_events(operator_hears hears) : hears_(std::move(hears)) {}

storage_events::~storage_events() = default;

storage_health storage_events::health() const { return std::max(log_.load(), state_.load()); }

void storage_events::attach(std::vector<std::shared_ptr<loop_shards>> loop_of_shard) {
  const std::lock_guard lock(mutex_);
  loop_of_shard_ = std::move(loop_of_shard);
}

void storage_events::detach() { attach({}); }

void storage_events::log_written(std::span<const log_completion> done) {
  const std::lock_guard lock(mutex_);
  for (auto& [loop, part] : by_loop(loop_of_shard_, done)) {
    loop->log_written(std::move(part));
  }
}

void storage_events::state_flushed(std::span<const flush_completion> done) {
  const std::lock_guard lock(mutex_);
  for (auto& [loop, part] : by_loop(loop_of_shard_, done)) {
    loop->state_flushed(std::move(part));
  }
}

void storage_events::log_failed(const storage_error& why) { failed(log_, "log", why); }
void storage_events::log_recovered() { recovered(log_, "log"); }
void storage_events::state_failed(const storage_error& why) { failed(state_, "state", why); }
void storage_events::state_recovered() { recovered(state_, "state"); }

void storage_events::failed(std::atomic<storage_health>& part, const char* store, const storage_error& why) {
  const bool may_recover = why.code == persistence_errc::no_space;
  part = may_recover ? storage_health::no_space : storage_health::failed;
  failures_.add();
  log::error(storage_log, may_recover ? "storage_full" : "storage_failed",
             {{"store", store}, {"code", to_string(why.code)}, {"why", why.message}});
  if (hears_) {
    hears_(health(), why);
  }
}

void storage_events::recovered(std::atomic<storage_health>& part, const char* store) {
  part = storage_health::good;
  log::info(storage_log, "storage_recovered", {{"store", store}});
  if (hears_) {
    hears_(health(), {});
  }
}

} // namespace godwit::cluster
