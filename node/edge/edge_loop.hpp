#pragma once

#include <caf/intrusive_ptr.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "cluster/base/cluster_clock.hpp"
#include "cluster/base/home_loop.hpp"
#include "node/edge/edge_probe.hpp"
#include "node/edge/output_stage.hpp"

namespace boost::asio {
class io_context;
}

namespace godwit::node {

class edge_connection;

/// A source of readiness that the loop serves in its rounds: a connection or a listener.
class edge_input {
public:
  virtual ~edge_input() = default;
  /// On the loop, at the beginning of a round, once after each schedule().
  virtual void serve() = 0;

private:
  friend class edge_loop;
  bool scheduled_ = false;
};

/// A loop that did not come round for so long, beyond what it meant to sleep, stood still: its process was stopped, or its
/// machine. Clients give up no sooner.
inline constexpr cluster::monotonic_ms standstill_ms = 2000;

/// The thread that sockets, pinned actors, shards and timers live on: an Asio io_context and an execution
/// unit of CAF in one. It sleeps in epoll; other threads end the sleep with one write to an eventfd.
class edge_loop final : public cluster::home_loop {
public:
  /// `name`: of the thread, at most 15 characters. `clock`: what wall() tells, one for all loops of a node; without it
  /// the loop has its own.
  edge_loop(caf::actor_system& system, std::string name, std::shared_ptr<cluster::cluster_clock> clock = nullptr);
  /// Stops.
  ~edge_loop() override;

  /// Begins to run, on a thread of its own.
  void start();
  /// Closes every connection, finishes the present round, ends the thread. Not from the loop itself.
  void stop();

  /// Between start() and stop(), for whoever calls these.
  [[nodiscard]] bool is_running() const { return thread_.joinable(); }

  [[nodiscard]] const edge_probe& probe() const { return probe_; }
  [[nodiscard]] cluster::monotonic_ms fresh_now() const override;

  // --- for connections and listeners, on the loop ---

  [[nodiscard]] boost::asio::io_context& io() { return *io_; }
  /// Serves the input in the next round.
  void schedule(edge_input& input);
  /// Takes an input out that will not live until then.
  void unschedule(edge_input& input);
  /// Room for one read at a time; not kept beyond it.
  [[nodiscard]] std::span<std::uint8_t> read_buffer() { return read_buffer_; }
  output_stage& output() { return output_; }
  edge_probe& counters_of_edge() { return probe_; }

  /// The connections of the loop, each with a reference. One that is removed lives on until the
  /// end of the round, so that none goes while its own code runs.
  void add(edge_connection& connection);
  void remove(edge_connection& connection);
  [[nodiscard]] std::size_t connections() const { return connections_.size(); }
  /// The loop stood still until a moment ago: a connection that is taken now may have waited for as long.
  [[nodiscard]] bool stood_still() const { return now() < stale_until_; }

private:
  void run();
  bool round_now();
  cluster::monotonic_ms sleep();
  void looked();
  [[nodiscard]] bool was_stopped(cluster::monotonic_ms asleep) const;
  void close_unread();
  void look_back(cluster::monotonic_ms asleep);
  void watch_wake_up();
  void close_connections();
  void wake() override;
  void read_inputs() override;

  const std::shared_ptr<cluster::cluster_clock> clock_;
  std::unique_ptr<boost::asio::io_context> io_;
  struct wake_up;
  std::unique_ptr<wake_up> wake_up_;
  std::string name_;
  std::vector<edge_input*> scheduled_;
  std::vector<edge_input*> serving_;
  std::vector<std::uint8_t> read_buffer_;
  edge_probe probe_;
  output_stage output_;
  /// Each knows its place.
  std::vector<caf::intrusive_ptr<edge_connection>> connections_;
  std::vector<caf::intrusive_ptr<edge_connection>> removed_;
  cluster::monotonic_ms looked_at_ = 0;
  cluster::monotonic_ms cpu_looked_at_ = 0;
  cluster::monotonic_ms cpu_used_ = 0; ///< by the thread, then
  cluster::monotonic_ms stale_until_ = 0;
  std::thread thread_;
  std::atomic<bool> stopping_{false};
};

} // namespace godwit::node
