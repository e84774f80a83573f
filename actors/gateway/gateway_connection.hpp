#pragma once

#include <caf/actor.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "actors/auth/auth_keys.hpp"
#include "actors/auth/key_exchange.hpp"
#include "actors/base/client_connection.hpp"
#include "actors/session/connection_link.hpp"
#include "actors/session/session_key.hpp"
#include "protocol/mtproto/message/buffer.hpp"

namespace godwit::actors {

class gateway_loop;

/// One connection at the gateway: tells key exchanges from packets of known keys, has unknown keys looked up, and
/// remembers the sessions that came on it. On the connection's loop.
class gateway_connection : public std::enable_shared_from_this<gateway_connection> {
public:
  gateway_connection(gateway_loop& loop, mtproto::connection_id id, connection_ptr connection);
  ~gateway_connection();

  void packet(std::span<std::uint8_t> bytes, bool quick_ack);
  void closed();
  void drained();

  /// A packet proved to be of a known key.
  void authenticated();
  /// There is room for this session, or it came on this connection before.
  [[nodiscard]] bool has_room_for(const session_key& key) const;
  /// `session` heard of this connection and wants to hear of its end.
  void join(const session_key& key, const caf::actor& session);
  /// Brings nothing more: stays until its sessions end, or ends when it has none.
  void drain();
  void close(transport_error why = transport_error::none);
  void send_quick_ack(std::uint32_t token);

  [[nodiscard]] bool is_open() const { return link_ != nullptr; }
  [[nodiscard]] const connection_link_ptr& link() const { return link_; }

private:
  struct joined {
    session_key key;
    caf::actor session;
  };
  struct waiting_packet {
    mtproto::shared_buffer bytes;
    bool quick_ack = false;
  };

  void encrypted(mtproto::shared_buffer bytes, bool quick_ack);
  void wait_for_key(auth_key_id id, mtproto::shared_buffer bytes, bool quick_ack);
  void key_found(key_answer answer);
  void check_key(const known_key& key);

  gateway_loop& loop_;
  connection_link_ptr link_; // null: closed
  std::shared_ptr<key_exchange> exchange_;
  std::vector<joined> sessions_;
  std::vector<waiting_packet> waiting_;
  std::size_t waiting_bytes_ = 0;
  bool authenticated_ = false;
  bool key_checked_ = false;
};

} // namespace godwit::actors
