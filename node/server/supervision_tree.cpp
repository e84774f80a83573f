#include "node/server/supervision_tree.hpp"

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>

#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "actors/base/restart_budget.hpp"
#include "actors/gateway/gateway.hpp"
#include "cluster/base/home_loop.hpp"
#include "cluster/base/log.hpp"

namespace godwit::node {
namespace {

log::component supervisor_log{"supervisor"};

constexpr actors::restart_budget auth_budget{.restarts = 10, .within_ms = 60'000};

persistence::monotonic_ms now_ms() {
  using namespace std::chrono;
  return static_cast<persistence::monotonic_ms>(
    duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count());
}

/// Watches the auth actor of each loop and starts it again.
class node_supervisor : public caf::event_based_actor {
public:
  node_supervisor(caf::actor_config& config, actors::gateway& gateway, std::function<void(std::string)> fatal)
      : caf::event_based_actor(config),
        gateway_(gateway),
        fatal_(std::move(fatal)),
        budgets_(gateway.loops(), actors::restart_counter(auth_budget)) {
    set_down_handler([this](const caf::down_msg& down) { child_ended(down); });
    set_exit_handler([this](const caf::exit_msg&) { end_children(); });
  }

  caf::behavior make_behavior() override {
    for (std::size_t loop = 0; loop < gateway_.loops(); ++loop) {
      begin(loop);
    }
    // Answers so that whoever made it knows that the children run.
    return {[](caf::ok_atom) { return caf::unit; }};
  }

  [[nodiscard]] const char* name() const override { return "node_supervisor"; }

private:
  void begin(std::size_t loop) {
    const caf::actor child = gateway_.spawn_auth(loop);
    monitor(child);
    children_[child.address()] = {child, loop};
  }

  /// The tree ends when the last of them has.
  void end_children() {
    ending_ = true;
    for (const auto& [address, child] : children_) {
      caf::anon_send_exit(child.actor, caf::exit_reason::user_shutdown);
    }
    if (children_.empty()) {
      quit();
    }
  }

  void child_ended(const caf::down_msg& down) {
    const auto found = children_.find(down.source);
    if (found == children_.end()) {
      return;
    }
    const std::size_t loop = found->second.loop;
    children_.erase(found);
    if (ending_) {
      if (children_.empty()) {
        quit();
      }
      return;
    }
    log::error(supervisor_log, "child_failed", {{"child", "auth"}, {"loop", loop}});
    if (!budgets_[loop].take(now_ms())) {
      fatal_("the auth actor of loop " + std::to_string(loop) + " fails again and again; the log tells why");
      return;
    }
    begin(loop);
  }

  actors::gateway& gateway_;
  std::function<void(std::string)> fatal_;
  std::vector<actors::restart_counter> budgets_;
  struct auth_child {
    caf::actor actor;
    std::size_t loop = 0;
  };
  std::map<caf::actor_addr, auth_child> children_;
  bool ending_ = false;
};

} // namespace

struct supervision_tree::watch {
  struct loop_state {
    cluster::home_loop* loop = nullptr;
    bool asked = false;
    std::chrono::steady_clock::time_point since;
  };
  std::mutex mutex;
  std::vector<loop_state> loops;
};

supervision_tree::supervision_tree(caf::actor_system& system, actors::gateway& gateway,
                                   std::span<cluster::home_loop* const> loops, std::function<void(std::string)> fatal)
    : watch_(std::make_shared<watch>()) {
  for (cluster::home_loop* const loop : loops) {
    watch_->loops.push_back({loop, false, {}});
  }
  supervisor_ = system.spawn<node_supervisor>(std::ref(gateway), std::move(fatal));
  caf::scoped_actor self{system};
  self->request(supervisor_, caf::infinite, caf::ok_atom::value).receive([] {}, [](const caf::error&) {});
}

supervision_tree::~supervision_tree() {
  caf::scoped_actor self{supervisor_.home_system()};
  caf::anon_send_exit(supervisor_, caf::exit_reason::user_shutdown);
  self->wait_for(supervisor_);
}

bool supervision_tree::loops_alive(std::chrono::steady_clock::duration within) {
  const auto now = std::chrono::steady_clock::now();
  const std::lock_guard lock(watch_->mutex);
  bool alive = true;
  for (std::size_t i = 0; i < watch_->loops.size(); ++i) {
    watch::loop_state& each = watch_->loops[i];
    if (each.asked) {
      alive = alive && now - each.since < within;
      continue;
    }
    each.asked = true;
    each.since = now;
    each.loop->post([watched = watch_, i] {
      const std::lock_guard answered(watched->mutex);
      watched->loops[i].asked = false;
    });
  }
  return alive;
}

} // namespace godwit::node
