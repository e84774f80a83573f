#include "tests/cluster/simulation/cluster_run.hpp"

#include <caf/actor_registry.hpp>

#include <exception>
#include <functional>
#include <memory>

#include "tests/cluster/simulation/sim_checks.hpp"
#include "tests/cluster/simulation/sim_device.hpp"
#include "tests/cluster/simulation/sim_faults.hpp"
#include "tests/cluster/simulation/sim_login.hpp"
#include "tests/cluster/simulation/sim_world.hpp"

namespace godwit::cluster_sim {

namespace {

constexpr monotonic_ms start_max_ms = 10'000;
/// From the end of all faults until everything that was begun is acknowledged, and until all of it has arrived.
constexpr monotonic_ms recovery_max_ms = 30'000;
/// A snapshot whose offer was lost with its link is offered again after a minute.
constexpr monotonic_ms arrival_max_ms = 75'000;
/// Nothing happens for so long, and all the same nobody asks for a difference.
constexpr monotonic_ms calm_ms = 6000;

class cluster_run {
public:
  cluster_run(const run_plan& plan, bool print) : world_(plan, print), faults_(world_) {}

  run_result run() {
    // The first thing that is wrong ends it: what follows would follow from it.
    for (const auto& step : {&cluster_run::form, &cluster_run::sign_in, &cluster_run::be_busy, &cluster_run::recover,
                             &cluster_run::look}) {
      if (!world_.violation()) {
        (this->*step)();
      }
    }
    run_result out;
    out.virtual_ms = world_.network.now() - 1'000'000;
    for (std::uint32_t node = 0; node < node_count; ++node) {
      if (world_.runs(node)) {
        world_.kill(node, true);
      }
    }
    if (world_.system->registry().running() != 0) {
      world_.violated("actors outlive their processes");
    }
    out.violation = world_.violation();
    out.trace_hash = world_.trace_hash();
    out.counted = world_.counted;
    return out;
  }

private:
  void form() {
    const bool formed = world_.network.run_until(
      [this] {
        bool all = true;
        for (std::uint32_t node = 0; node < node_count; ++node) {
          all = all && world_.at(node).linked() && world_.at(node).shards().ready();
        }
        return all;
      },
      start_max_ms);
    if (!formed) {
      world_.violated("the cluster does not form");
    }
  }

  void sign_in() {
    for (std::size_t i = 0; i < world_.plan.accounts && !world_.violation(); ++i) {
      account_record& account = world_.accounts.emplace_back();
      account.phone = 9'996'610'000 + i;
      for (std::uint32_t device = 0; device < world_.plan.devices_each; ++device) {
        const auto node = static_cast<std::uint32_t>((i + device) % node_count);
        const cluster::caller who = log_in(world_, node, account.phone, world_.random.next() | 1);
        account.user = who.user;
        logins_.push_back({i, device, node, who});
      }
    }
    for (const login& each : logins_) {
      devices_.push_back(std::make_unique<sim_device>(world_, each.account, each.device, each.who, each.node));
    }
    world_.network.advance(1000);
  }

  void be_busy() {
    for (const auto& each : devices_) {
      each->send_messages(true);
    }
    world_.network.advance(1000);
    faults_.begin();
    const monotonic_ms end = world_.network.now() + world_.plan.busy_ms;
    while (world_.network.now() < end && !world_.violation()) {
      world_.network.advance(200);
    }
    faults_.heal();
    // Clients go on for a while: leaders change once more, and nobody has a reason to ask for a difference.
    world_.network.advance(world_.random.between(0, 6000));
    faults_.move_leaders();
    world_.network.advance(world_.random.between(0, 300));
    for (const auto& each : devices_) {
      each->send_messages(false);
    }
  }

  void recover() {
    const monotonic_ms from = world_.network.now();
    const auto at_rest = [this] {
      for (const auto& each : devices_) {
        if (!each->at_rest()) {
          return false;
        }
      }
      return true;
    };
    if (!world_.network.run_until([&] { return world_.violation() || at_rest(); }, recovery_max_ms)) {
      for (const auto& each : devices_) {
        if (!each->at_rest()) {
          world_.violated("not recovered: " + each->standing());
        }
      }
      return;
    }
    world_.trace("recovered in " + std::to_string(world_.network.now() - from) + " ms");
    world_.counted["recovery_ms"] = world_.network.now() - from;
    world_.network.advance(calm_ms);
    for (monotonic_ms waited = 0; waited < arrival_max_ms && !settled(world_); waited += 500) {
      world_.network.advance(500);
    }
    if (!settled(world_)) {
      world_.violated("the nodes do not come to rest at one state: " + unsettled(world_));
    }
  }

  void look() { check_boxes(world_, devices_); }

  struct login {
    std::size_t account = 0;
    std::uint32_t device = 0;
    std::uint32_t node = 0;
    cluster::caller who;
  };

  sim_world world_;
  sim_faults faults_;
  std::vector<login> logins_;
  sim_devices devices_;
};

} // namespace

run_result run_seed(std::uint64_t seed, bool print) {
  try {
    return cluster_run(run_plan(seed), print).run();
  } catch (const std::exception& fault) {
    run_result out;
    out.violation = std::string("thrown: ") + fault.what();
    return out;
  }
}

std::string command_for(std::uint64_t seed) { return "godwit_cluster_simulate --seed " + std::to_string(seed); }

} // namespace godwit::cluster_sim
