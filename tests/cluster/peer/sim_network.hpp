#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cluster/peer/peer_connection.hpp"
#include "tests/cluster/peer/sim_loop.hpp"

namespace godwit::test {

using cluster::monotonic_ms;
using persistence::node_id;

/// How connections behave where no fault is set.
struct sim_profile {
  std::uint64_t seed = 1;
  std::uint32_t delay_ms_min = 1; ///< of each frame, one way; those of one direction never overtake one another
  std::uint32_t delay_ms_max = 3;
  std::size_t kernel_bytes = 512 << 10; ///< under way in one direction before the sender's queue grows
};

class sim_host;
struct sim_wire;

/// The network between several nodes of one process, and the clock that all of them live by. Everything happens on the
/// test's thread, in an order that the seed alone decides.
class sim_network {
public:
  explicit sim_network(sim_profile with = {});
  ~sim_network();
  sim_network(const sim_network&) = delete;
  sim_network& operator=(const sim_network&) = delete;

  /// A process that listens at an address. `certified`: the node that its certificate names; no_node where nothing is
  /// proved. The loop lives until kill() or as long as the network.
  sim_host& add(sim_loop& loop, cluster::peer_address where, node_id certified);
  /// It runs no more and nothing leaves it. `told`: other processes hear that their connections are closed, as a kernel
  /// tells it; otherwise (no power) they hear nothing. What lives on its loop, and the loop, may go afterwards.
  void kill(sim_host& which, bool told = true);

  // --- time ---

  [[nodiscard]] monotonic_ms now() const { return now_; }
  /// Until nothing more is to be done at this moment.
  void run();
  void advance(monotonic_ms by);
  /// True as soon as the condition is, which is asked at every moment at which something happens.
  bool run_until(const std::function<bool()>& condition, monotonic_ms within);
  /// For other simulated things: called once at that time, or at the next step.
  void at(monotonic_ms when, std::function<void()> what);

  // --- faults; they hold until they are taken back ---

  /// Nothing from `from` reaches `to` any more, and nobody is told: frames wait, and no connection comes about.
  void silence(const sim_host& from, const sim_host& to, bool on = true);
  /// Both directions.
  void cut(const sim_host& a, const sim_host& b, bool on = true);
  /// Every connection between the two breaks, and both hear of it.
  void break_connections(const sim_host& a, const sim_host& b);
  /// Its process stands still (SIGSTOP): it neither reads nor runs, and its time does not pass.
  void freeze(sim_host& which, bool on = true);
  /// How fast it reads; 0: as fast as it comes.
  void slow(sim_host& which, std::size_t bytes_per_ms);
  /// Added to the way of every frame from one to the other.
  void delay(const sim_host& from, const sim_host& to, std::uint32_t ms);
  /// So many of a million frames break their connection.
  void lossy(std::uint32_t per_million) { loss_per_million_ = per_million; }

  /// Open at both ends.
  [[nodiscard]] std::size_t connections(const sim_host& a, const sim_host& b) const;
  /// Those of them that the first one dialled.
  [[nodiscard]] std::size_t dialled_by(const sim_host& dialler, const sim_host& taker) const;
  /// Sent, by everybody.
  [[nodiscard]] std::uint64_t frames() const { return frames_; }
  /// The most that any sender's queue ever held.
  [[nodiscard]] std::size_t queued_bytes_max() const { return queued_bytes_max_; }

private:
  friend class sim_host;
  friend class sim_connection;
  using wire_ptr = std::shared_ptr<sim_wire>;

  void arrive(const wire_ptr& which, const cluster::peer_address& to);
  void open(const wire_ptr& which, sim_host& taker);
  void send(const wire_ptr& which, std::size_t from, std::string frame, bool first);
  void fill_kernel(const wire_ptr& which, std::size_t from);
  void deliver(const wire_ptr& which, std::size_t to);
  void end_of(const wire_ptr& which, std::size_t from);
  void tell_closed(const wire_ptr& which, std::size_t end, std::string why);
  void break_wire(const wire_ptr& which, const std::string& why);
  void stir();
  [[nodiscard]] bool silent(const sim_host* from, const sim_host* to) const;
  [[nodiscard]] monotonic_ms way(const sim_host* from, const sim_host* to);
  [[nodiscard]] monotonic_ms next_due() const;
  void step_to(monotonic_ms time);
  std::uint64_t random();

  const sim_profile profile_;
  std::uint64_t random_state_;
  monotonic_ms now_ = 1'000'000;
  std::uint64_t last_event_ = 0;
  std::map<std::pair<monotonic_ms, std::uint64_t>, std::function<void()>> events_;
  std::vector<std::unique_ptr<sim_host>> hosts_;
  std::vector<wire_ptr> wires_;
  std::set<std::pair<const sim_host*, const sim_host*>> silent_;
  std::map<std::pair<const sim_host*, const sim_host*>, std::uint32_t> delays_;
  std::uint32_t loss_per_million_ = 0;
  std::size_t queued_bytes_max_ = 0;
  std::uint64_t frames_ = 0;
};

/// One process's way into the network. Owned by the network, and there as long as it is.
class sim_host final : public cluster::peer_network {
public:
  std::unique_ptr<cluster::peer_connection> dial(const cluster::peer_address& to, cluster::peer_stream what,
                                                 node_id expected, cluster::peer_connection_listener& hears) override;
  void take_with(taker who) override { taker_ = std::move(who); }

  /// A connection that came in by another way, for who takes those of this host.
  void hand_over(std::unique_ptr<cluster::peer_connection> connection, cluster::peer_stream what, node_id certified) {
    taker_(std::move(connection), what, certified);
  }

  [[nodiscard]] const cluster::peer_address& address() const { return address_; }
  [[nodiscard]] bool alive() const { return loop_ != nullptr; }
  [[nodiscard]] bool frozen() const { return frozen_; }
  /// Connections that it began to dial.
  [[nodiscard]] std::size_t dialled() const { return dialled_; }

private:
  friend class sim_network;
  sim_host(sim_network& network, sim_loop& loop, cluster::peer_address where, node_id certified)
      : network_(network), loop_(&loop), address_(std::move(where)), certified_(certified) {}
  void later(std::function<void()> what) {
    if (loop_ != nullptr) {
      loop_->post(std::move(what));
    }
  }

  sim_network& network_;
  sim_loop* loop_; ///< nullptr: killed
  const cluster::peer_address address_;
  const node_id certified_;
  taker taker_;
  bool frozen_ = false;
  bool dark_ = false; ///< killed, and its kernel with it
  std::size_t dialled_ = 0;
  std::size_t bytes_per_ms_ = 0;
  std::uint64_t read_until_us_ = 0; ///< when it is done with what it took
};

} // namespace godwit::test
