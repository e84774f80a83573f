#pragma once

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/cluster/peer/sim_network.hpp"
#include "tests/cluster/simulation/sim_process.hpp"
#include "tests/simulation/dice.hpp"

namespace godwit::cluster_sim {

inline constexpr std::uint32_t node_count = 3;
inline constexpr layer_t device_layer = 229;

/// What a run is made of; all of it follows from the seed.
struct run_plan {
  explicit run_plan(std::uint64_t of);

  std::uint64_t seed;
  std::uint16_t shards = 4;
  std::size_t accounts = 3;
  std::uint32_t devices_each = 2;
  std::uint32_t trailing_entries = 1000;
  monotonic_ms busy_ms = 20'000; ///< clients send and faults come
  monotonic_ms send_every_ms = 200;
  monotonic_ms fault_every_ms = 1500;
};

/// What all devices of an account saw, together.
struct account_record {
  struct acknowledged {
    std::size_t to = 0;
    std::int64_t random_id = 0;
    std::int32_t id = 0;
    std::int32_t pts = 0;
    std::int32_t date = 0;
  };

  user_id user;
  std::uint64_t phone = 0;
  /// What each position of the box brought, as the first device saw it that did.
  std::map<std::int32_t, std::string> at_pts;
  std::map<std::string, acknowledged> sent; ///< by text
};

/// Three machines, their processes, the network between them and the clock: whatever a run consists of but the
/// accounts' clients. One thread and one seed; every line of the trace goes into a hash.
class sim_world {
public:
  sim_world(const run_plan& plan, bool print);
  ~sim_world();
  sim_world(const sim_world&) = delete;
  sim_world& operator=(const sim_world&) = delete;

  // --- processes ---

  void start(std::uint32_t node);
  void kill(std::uint32_t node, bool told);
  [[nodiscard]] bool runs(std::uint32_t node) const { return processes_[node] != nullptr; }
  [[nodiscard]] sim_process& at(std::uint32_t node) const { return *processes_[node]; }
  [[nodiscard]] sim_machine& machine(std::uint32_t node) { return machines_[node]; }
  void freeze(std::uint32_t node, bool on);
  [[nodiscard]] bool frozen(std::uint32_t node) const { return runs(node) && at(node).host().frozen(); }

  // --- the network; what is set outlives processes ---

  void silence(std::uint32_t from, std::uint32_t to, bool on);
  void delay(std::uint32_t from, std::uint32_t to, std::uint32_t ms);
  void break_links(std::uint32_t a, std::uint32_t b);

  // --- clients ---

  /// nullptr: nothing listens there.
  sim_connection_ptr connect(std::uint32_t node, const cluster::caller& who, std::function<void(session_news)> hears);
  /// A client goes, and its session ends.
  void leave(const sim_connection_ptr& which);
  void say(const sim_connection_ptr& to, session_call what);

  // --- what comes of it ---

  void trace(const std::string& line);
  /// The first one is kept.
  void violated(const std::string& what);
  [[nodiscard]] const std::optional<std::string>& violation() const { return violation_; }
  [[nodiscard]] std::uint64_t trace_hash() const { return hash_; }

  const run_plan plan;
  dice random;
  caf::actor_system_config config;
  std::unique_ptr<caf::actor_system> system;
  test::sim_network network;
  std::vector<account_record> accounts;
  /// Figures of the run, by name.
  std::map<std::string, std::uint64_t> counted;

private:
  const bool print_;
  std::array<sim_machine, node_count> machines_;
  std::array<std::unique_ptr<sim_process>, node_count> processes_;
  std::array<std::array<bool, node_count>, node_count> silent_{};
  std::array<std::array<std::uint32_t, node_count>, node_count> delays_{};
  std::uint64_t sessions_ = 0;
  std::uint64_t hash_ = 0xcbf29ce484222325ULL;
  std::optional<std::string> violation_;
};

/// "<account>:<device>"; what each of its messages begins with.
std::string device_name(std::size_t account, std::uint32_t device);

} // namespace godwit::cluster_sim
