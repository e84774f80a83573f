#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <span>

#include "actors/account/rate_limits.hpp"
#include "actors/auth/auth_keys.hpp"
#include "actors/auth/handshake_pool.hpp"
#include "actors/base/client_connection.hpp"
#include "cluster/base/loop_timer.hpp"
#include "protocol/mtproto/handshake/connection_handshakes.hpp"
#include "protocol/mtproto/message/msg_ids.hpp"

namespace godwit::actors {

class key_exchange;

/// What the key exchanges of one loop share. Outlives them.
struct exchange_services {
  cluster::home_loop& home;
  auth_keys& keys;
  handshake_pool& pool;
  mtproto::server_keys server_keys;
  crypto::random_source& random;
  /// Exchanges under way on the whole node.
  std::atomic<std::uint32_t>& under_way;
  std::uint32_t under_way_max = 0;
  /// How often one address may begin an exchange, and how many keys it may make, on the whole node; null: no
  /// bound.
  account::shared_rate_limiter* begun_by_address = nullptr;
  account::shared_rate_limiter* keys_by_address = nullptr;
  /// Those of this loop whose client has only asked the first question, oldest first: they make room.
  std::list<key_exchange*> begun;
};

/// The key exchanges of one connection: what they need of threads, shards and time. On the connection's loop.
///
/// While an expensive step is in the pool, or a key is being committed, the connection is paused: one client
/// has one step under way, however many queries it sends.
class key_exchange : public std::enable_shared_from_this<key_exchange> {
public:
  key_exchange(exchange_services& services, connection_ptr connection);
  ~key_exchange();
  key_exchange(const key_exchange&) = delete;
  key_exchange& operator=(const key_exchange&) = delete;

  /// An unencrypted packet. May close the connection.
  void packet(std::span<const std::uint8_t> packet);
  /// The connection also carries packets of a known key: an exchange that takes too long is dropped then,
  /// and does not end the connection.
  void authenticated() { authenticated_ = true; }
  /// Nothing is under way: it may go. A step that is out resumes the connection when it comes back.
  [[nodiscard]] bool is_idle() const { return !under_way_ && steps_out_ == 0; }
  /// The connection is gone: nothing more is said to it.
  void connection_closed();

private:
  bool begin();
  bool take_slot();
  void goes_on();
  void end();
  void expired();
  void step(mtproto::connection_handshakes::result result);
  void work(mtproto::handshake_work what);
  void commit(std::uint32_t exchange, const mtproto::new_auth_key& key);
  void fail(mtproto::handshake_errc why);
  void refuse();
  [[nodiscard]] bool is_over(account::shared_rate_limiter* limit) const;
  void send(std::string_view body);

  exchange_services& services_;
  connection_ptr connection_; // null: closed
  mtproto::connection_handshakes handshakes_;
  mtproto::msg_id_source ids_;
  cluster::loop_timer expiry_;
  cluster::monotonic_ms began_at_ = 0;
  std::optional<std::list<key_exchange*>::iterator> begun_; ///< its place among those
  int steps_out_ = 0;                                       ///< in the pool, or a key being committed
  bool under_way_ = false;
  bool authenticated_ = false;
};

} // namespace godwit::actors
