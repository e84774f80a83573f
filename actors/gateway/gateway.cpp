#include "actors/gateway/gateway.hpp"

#include <atomic>
#include <mutex>
#include <utility>

#include "cluster/base/home_loop.hpp"

namespace godwit::actors {

gateway::gateway(std::span<cluster::home_loop* const> loops, cluster::router& router, gateway_options options)
    : shared_(std::move(options), router) {
  shared_.key_destroyed = [this](auth_key_id key) { end_key(key); };
  for (cluster::home_loop* const each : loops) {
    loops_.push_back(std::make_unique<gateway_loop>(shared_, *each));
  }
}

gateway::~gateway() = default;

void gateway::accepted(connection_ptr connection) {
  for (const auto& each : loops_) {
    if (&each->home() == &connection->home()) {
      return each->accepted(std::move(connection));
    }
  }
  connection->close();
}

void gateway::list_sessions(std::function<void(std::vector<session_info>)> done) {
  struct gathering {
    std::mutex mutex;
    std::vector<session_info> found;
    std::size_t missing = 0;
    std::function<void(std::vector<session_info>)> done;
  };
  auto all = std::make_shared<gathering>();
  all->missing = loops_.size();
  all->done = std::move(done);
  for (const auto& each : loops_) {
    each->home().post([all, loop = each.get()] {
      std::vector<session_info> mine = loop->sessions();
      std::unique_lock lock(all->mutex);
      all->found.insert(all->found.end(), std::make_move_iterator(mine.begin()), std::make_move_iterator(mine.end()));
      if (--all->missing == 0) {
        lock.unlock();
        all->done(std::move(all->found));
      }
    });
  }
}

void gateway::end_key(auth_key_id key) {
  for (const auto& each : loops_) {
    each->home().post([key, loop = each.get()] { loop->end_key(key); });
  }
}

void gateway::set_open(bool open) {
  // Connections are taken and closed on their loops: one that a loop took before it saw the flag is closed there.
  if (shared_.open.exchange(open) && !open) {
    for (const auto& each : loops_) {
      each->home().post([loop = each.get()] { loop->close_if_shut(); });
    }
  }
}

void gateway::close_connections() {
  for (const auto& each : loops_) {
    each->home().post([loop = each.get()] { loop->close_connections(); });
  }
}

void gateway::begin_stop() {
  shared_.stopping.store(true, std::memory_order_relaxed);
  for (const auto& each : loops_) {
    each->home().post([loop = each.get()] { loop->drain(); });
  }
}

void gateway::end_now() {
  begin_stop();
  for (const auto& each : loops_) {
    each->home().post([loop = each.get()] { loop->end_all(); });
  }
}

bool gateway::stopped() const {
  // A loop that has not heard of it yet may still begin a session.
  return shared_.loops_draining.load() == loops_.size() && shared_.directory.size() == 0;
}

} // namespace godwit::actors
