#pragma once

#include <caf/actor.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "actors/auth/auth_keys.hpp"
#include "actors/auth/key_exchange.hpp"
#include "actors/gateway/gateway_connection.hpp"
#include "actors/gateway/gateway_options.hpp"
#include "actors/gateway/gateway_probe.hpp"
#include "actors/gateway/session_directory.hpp"
#include "actors/session/session_host.hpp"
#include "actors/session/session_messages.hpp"
#include "actors/session/session_services.hpp"

namespace godwit::actors {

/// What the loops of one gateway share. Outlives them.
struct gateway_shared {
  gateway_shared(gateway_options with, cluster::router& to);

  gateway_options options;
  cluster::router& router;
  session_directory directory;
  handshake_pool pool;
  std::atomic<std::uint32_t> exchanges{0};
  std::atomic<std::uint64_t> last_connection{0};
  std::atomic<bool> stopping{false};
  std::atomic<bool> open{true}; ///< clients may come and stay
  std::atomic<std::size_t> loops_draining{0};
  /// How often one address may begin an exchange, and how many keys it may make; null: no bound.
  std::unique_ptr<account::shared_rate_limiter> exchanges_by_address;
  std::unique_ptr<account::shared_rate_limiter> keys_by_address;
  /// Tells every loop that a key is gone.
  std::function<void(auth_key_id)> key_destroyed;
};

/// The gateway on one loop: its connections, its sessions, its keys. On the loop's thread alone, without locks
/// but those of the directory.
///
/// Packets are gathered while sockets are read and decrypted together at the beginning of the round; each session
/// then gets one message with all of its own.
class gateway_loop final : public session_host {
public:
  gateway_loop(gateway_shared& shared, cluster::home_loop& home);
  ~gateway_loop() override;

  /// Spawns the mailbox of keys(), once, and again when it failed. Any thread.
  caf::actor spawn_auth();

  void accepted(connection_ptr connection);
  /// A connection that was accepted is gone.
  void connection_closed(mtproto::connection_id which) { connections_.erase(which); }
  [[nodiscard]] bool is_stopping() const { return shared_.stopping.load(std::memory_order_relaxed); }

  /// A packet of a known key, still closed.
  struct closed_packet {
    std::shared_ptr<gateway_connection> from;
    known_key_ptr key;
    mtproto::shared_buffer bytes;
    bool quick_ack = false;
  };
  void decrypt_later(closed_packet packet);

  /// Every session of this loop; at most `limits::sessions_listed_max`.
  [[nodiscard]] std::vector<session_info> sessions() const;
  /// Ends all sessions of a key, and forgets it.
  void end_key(auth_key_id key);
  /// Reads nothing more; sessions end when their calls are answered.
  void drain();
  void close_connections();
  /// Closes every connection, unless clients are welcome again by now.
  void close_if_shut();
  /// Ends all sessions and all connections.
  void end_all();
  [[nodiscard]] std::size_t live() const { return sessions_.size(); }

  [[nodiscard]] auth_keys& keys() { return *keys_; }
  [[nodiscard]] exchange_services& exchanges() { return exchanges_; }
  [[nodiscard]] gateway_probe& probe() { return probe_; }
  [[nodiscard]] const gateway_probe& probe() const { return probe_; }
  [[nodiscard]] const auth_probe& auth() const { return keys_->probe(); }
  [[nodiscard]] const session_probe& session_counters() const { return services_.probe; }
  [[nodiscard]] cluster::home_loop& home() const { return home_; }

  // --- session_host ---

  void session_started(session& which) override;
  void session_ended(const session_key& key, const caf::actor& who, bool failed) override;
  void session_lingers(session& which, std::size_t memory_bytes) override;
  void session_lingers_no_more(session& which) override;
  void session_leaves(session& which) override;
  bool session_returns(session& which) override;
  bool destroy_session(const session_key& which) override;
  void key_destroyed(auth_key_id key) override;

private:
  struct live_session {
    caf::actor actor;
    session* view = nullptr;   ///< null before it has started
    std::uint64_t lingers = 0; ///< its place in lingering_; 0: it has a connection
    std::size_t lingering_bytes = 0;
  };
  struct delivery {
    caf::actor to;
    session_packets packets;
  };

  void decrypt_batch();
  void decrypt_chunk(std::size_t from, std::size_t to);
  void deliver(closed_packet& packet, std::vector<delivery>& deliveries);
  static void send(std::vector<delivery>& deliveries);
  static void close(gateway_connection& which, std::vector<delivery>& deliveries,
                    transport_error why = transport_error::none);
  [[nodiscard]] std::vector<std::shared_ptr<gateway_connection>> open_connections() const;
  caf::actor session_for(const session_key& key, const known_key_ptr& with);
  void evict();
  void forget(const session_key& key, const caf::actor& who);

  gateway_shared& shared_;
  cluster::home_loop& home_;
  std::shared_ptr<auth_keys> keys_;
  exchange_services exchanges_;
  session_services services_;
  gateway_probe probe_;
  std::unordered_map<mtproto::connection_id, std::weak_ptr<gateway_connection>> connections_;
  std::unordered_map<session_key, live_session> sessions_;
  std::map<std::uint64_t, session_key> lingering_; // longest first
  std::uint64_t last_lingering_ = 0;
  std::size_t lingering_bytes_ = 0;
  std::vector<closed_packet> batch_;
  bool batch_posted_ = false;
  bool draining_ = false;
};

} // namespace godwit::actors
