#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "actors/base/client_connection.hpp"
#include "actors/gateway/gateway_loop.hpp"
#include "actors/gateway/gateway_options.hpp"

namespace godwit::actors {

/// Where clients' connections come in: one for a node, with a part on each of its loops. Admits, tells key
/// exchanges from sessions, starts sessions and keeps count of them.
///
/// Made and destroyed by one control thread; the loops, the router and the actor system outlive it. Before it
/// goes: stop accepting, begin_stop(), wait for stopped() as long as calls may take, end_now(), wait for
/// stopped(), then end the loops' rounds.
class gateway final : public connection_acceptor {
public:
  gateway(std::span<cluster::home_loop* const> loops, cluster::router& router, gateway_options options);
  ~gateway() override;
  gateway(const gateway&) = delete;
  gateway& operator=(const gateway&) = delete;

  /// On the connection's loop, which is one of ours.
  void accepted(connection_ptr connection) override;

  /// The mailbox of one loop's keys: nothing is looked up before it is there. The supervisor calls this at
  /// start, and again when the actor failed. Any thread.
  caf::actor spawn_auth(std::size_t loop) { return loops_.at(loop)->spawn_auth(); }

  /// Hands over every session of the node, from the last loop that was asked. Any thread.
  void list_sessions(std::function<void(std::vector<session_info>)> done);
  /// Ends every session of a key on this node, and forgets the key. Any thread.
  void end_key(auth_key_id key);

  /// False: every connection is closed without a word, and no new one taken, until it is true again; sessions stay for
  /// as long as they would for any client that is away. Does not block. Any thread.
  void set_open(bool open);
  [[nodiscard]] bool is_open() const { return shared_.open.load(std::memory_order_relaxed); }

  /// Closes every connection without a word; new ones are as welcome as ever, and sessions stay. Does not block. Any
  /// thread.
  void close_connections();

  /// Takes no more connections and packets; every session ends as soon as its calls are answered, and its
  /// connections with it. Does not block. Any thread.
  void begin_stop();
  /// As begin_stop(), and waits for no call any more: every session and every connection ends.
  void end_now();
  /// After begin_stop(): there is no session any more, and none will begin.
  [[nodiscard]] bool stopped() const;

  [[nodiscard]] std::size_t loops() const { return loops_.size(); }
  /// For counters, which any thread may read.
  [[nodiscard]] const gateway_loop& loop(std::size_t index) const { return *loops_.at(index); }
  [[nodiscard]] const handshake_pool& pool() const { return shared_.pool; }
  [[nodiscard]] std::size_t sessions() const { return shared_.directory.size(); }

private:
  gateway_shared shared_;
  std::vector<std::unique_ptr<gateway_loop>> loops_;
};

} // namespace godwit::actors
