#include "node/server/clock_watch.hpp"

#include <algorithm>
#include <atomic>
#include <future>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "cluster/base/clock_guard.hpp"
#include "cluster/base/log.hpp"
#include "node/edge/edge_loop.hpp"
#include "node/metrics/metric_registry.hpp"
#include "node/server/node_links.hpp"

namespace godwit::node {
namespace {

log::component clock_log{"clock"};

/// Until the first verdict nobody is served, so that it has to come soon.
constexpr cluster::monotonic_ms first_look_ms = 100;
constexpr cluster::monotonic_ms look_ms = 1000;

} // namespace

struct clock_watch::state {
  state(edge_loop& on, node_links& of, std::shared_ptr<cluster::cluster_clock> shown, std::function<void(bool)> hears)
      : loop(on), links(of), clock(std::move(shown)), changed(std::move(hears)), timer([this] { look(); }) {}

  void look();
  void tell(std::string text);

  edge_loop& loop;
  node_links& links;
  const std::shared_ptr<cluster::cluster_clock> clock;
  const std::function<void(bool)> changed;
  cluster::loop_timer timer;
  cluster::clock_guard guard;
  std::optional<bool> told; ///< the verdict that `changed` heard last

  std::atomic<bool> compared{false}; ///< once, with as many as could tell
  std::atomic<bool> good{true};
  std::atomic<std::int64_t> ahead_ms{0};
  mutable std::mutex mutex;
  std::string trouble; ///< under the mutex
};

void clock_watch::state::look() {
  if (links.map()->version == 0) {
    // Of a cluster that it does not know it would be the only voter, and agree with itself.
    loop.arm(timer, loop.now() + first_look_ms);
    return;
  }
  const std::vector<cluster::node_id> voters = links.voters();
  std::vector<std::int64_t> ahead;
  for (const cluster::peer_status& each : links.peers()) {
    if (each.up && each.clock_known && std::find(voters.begin(), voters.end(), each.node) != voters.end()) {
      ahead.push_back(each.clock_ahead_ms);
    }
  }
  const bool votes = std::find(voters.begin(), voters.end(), links.self()) != voters.end();
  guard.judge(loop.now(), ahead, voters.size(), votes);
  clock->trust(loop.now(), guard.trust());
  ahead_ms.store(guard.ahead_ms());
  if (!guard.judged()) {
    loop.arm(timer, loop.now() + first_look_ms);
    return;
  }
  const bool right = guard.good() && clock->settled();
  good.store(right);
  tell(right || !guard.good() ? guard.trouble() : "setting its time by the clock that was put right");
  compared.store(true);
  if (told != right) {
    const bool first = !std::exchange(told, right).has_value();
    if (right && first) {
      log::debug(clock_log, "clock_compared", {{"ahead_ms", guard.ahead_ms()}});
    } else if (right) {
      log::info(clock_log, "clock_right", {{"ahead_ms", guard.ahead_ms()}});
    } else {
      log::error(clock_log, "clock_wrong", {{"ahead_ms", guard.ahead_ms()}, {"remedy", guard.trouble()}});
    }
    changed(right);
  }
  loop.arm(timer, loop.now() + look_ms);
}

void clock_watch::state::tell(std::string text) {
  const std::lock_guard lock(mutex);
  trouble = std::move(text);
}

clock_watch::clock_watch(edge_loop& loop, node_links& links, std::shared_ptr<cluster::cluster_clock> clock,
                         std::function<void(bool right)> changed)
    : state_(std::make_shared<state>(loop, links, std::move(clock), std::move(changed))) {
  state_->tell("comparing its clock with those of the other nodes");
  loop.post([own = state_] { own->look(); });
}

clock_watch::~clock_watch() {
  std::promise<void> done;
  state_->loop.post([this, &done] {
    state_->loop.disarm(state_->timer);
    done.set_value();
  });
  done.get_future().wait();
}

std::string clock_watch::trouble() const {
  const std::lock_guard lock(state_->mutex);
  return state_->trouble;
}

bool clock_watch::compared() const { return state_->compared.load(); }

void clock_watch::collect(metric_writer& out) const {
  out.gauge("clock_good", "0 while this node's clock is too far from the others' to serve anybody.",
            state_->good.load() ? 1 : 0);
  out.gauge("clock_ahead_seconds", "This node's clock minus the median of the voters'.",
            static_cast<double>(state_->ahead_ms.load()) / 1e3);
  out.gauge("clock_slewed_seconds", "The machine's clock minus the time that clients are told.",
            static_cast<double>(state_->clock->wall_ahead_ms()) / 1e3);
  out.counter("clock_jumps_total", "Jumps of the machine's clock.", state_->clock->jumps());
}

} // namespace godwit::node
