#pragma once

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "cluster/shard/router.hpp"
#include "cluster/shard/shard_host.hpp"
#include "persistence/records/tables.hpp"
#include "tests/cluster/shard/asker.hpp"
#include "tests/cluster/shard/lane_entity.hpp"
#include "tests/cluster/shard/log_replica.hpp"
#include "tests/support/test_loop.hpp"

namespace godwit::test {

/// A loop on virtual time that can be given one round.
class stepped_loop final : public test_loop {
public:
  using test_loop::test_loop;
  bool step() { return run_round(time(), wall_time()); }
};

/// Some shards with hosts and entities, each on a loop of its own and over a log of its own, and lanes between them
/// that do to messages what the test says. All in one thread and in memory.
class lane_world final : private cluster::router {
public:
  static constexpr std::uint16_t count = 4; ///< of shards

  explicit lane_world(const cluster::host_limits& limits = {});
  ~lane_world() override;

  // --- requests ---

  /// Sends a command, or a call, and gives the loops no turn.
  void ask(std::uint64_t user, std::string what, cluster::request_type type = cluster::request_type::command);
  /// Answers so far, in the order of their arrival: the token is the number of the question, from 1.
  asker::replies heard;
  std::vector<std::uint64_t> asked; ///< whom, by number less one

  // --- time and leaders ---

  /// Every loop until it has nothing to do now, and commits, until nothing changes.
  void settle();
  /// The loops alone.
  void run();
  void advance(std::uint32_t ms);
  /// In steps, committing, until every lane is empty. False: there is something left.
  bool drain();
  /// A new leader; of what is proposed `kept` are committed before.
  void lead(std::uint16_t shard, std::size_t kept = 0);
  /// The process of a shard ends, and begins again with what its log holds: `kept` of what is proposed, too.
  void restart(std::uint16_t shard, std::size_t kept = 0);
  void stop(std::uint16_t shard);

  struct shard_node {
    log_replica::durable_log log;
    std::unique_ptr<stepped_loop> loop;
    std::unique_ptr<log_replica> replica;
    caf::actor host;
    term_t term = 0;
    bool ended = false;
  };
  shard_node& at(std::uint16_t shard) { return *nodes_[shard]; }

  // --- lanes ---

  /// Takes a message in place of the router: true, and it is not sent on.
  std::function<bool(const cluster::lane_message&)> intercept;
  void deliver(const cluster::lane_message& what);

  // --- what came of it ---

  /// Bodies of what shard `from` sent to shard `to`, in the order of its log.
  std::vector<std::string> sent(std::uint16_t from, std::uint16_t to) const;
  /// Bodies that the entities of shard `to` noted and that come from shard `from`, in the order of the log.
  std::vector<std::string> received(std::uint16_t from, std::uint16_t to) const;
  /// What is wrong; empty: every delivery came once and in order, numbers have no gaps, and what was answered happened.
  std::string violation() const;
  /// Rows of a table that a shard has now.
  std::size_t rows(std::uint16_t shard, persistence::records::table table) const;

  cluster::shard_counters counters;
  lane_entity::record entities;

private:
  void send(cluster::entity_request_ptr request) override;
  void send_lane(cluster::lane_message what) override;
  [[nodiscard]] std::uint16_t shards() const override { return count; }
  void start(std::uint16_t shard);

  cluster::host_limits limits_;
  caf::actor_system_config config_;
  caf::actor_system system_{config_};
  cluster::entity_factories factories_;
  std::vector<std::unique_ptr<shard_node>> nodes_;
  stepped_loop own_{system_};
  caf::actor me_;
  std::uint16_t mute_ = count; ///< nothing leaves this shard
};

/// What a seeded schedule did.
struct schedule_result {
  std::string violation;
  std::size_t deliveries = 0;
  std::size_t restarts = 0;
};

/// Sends, leads, loses, kills and hands messages on as the seed says, then lets everything settle and looks.
schedule_result run_schedule(std::uint64_t seed, bool faults_in_entities = false);

} // namespace godwit::test
