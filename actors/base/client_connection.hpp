#pragma once

#include <caf/intrusive_ptr.hpp>
#include <caf/ref_counted.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "protocol/crypto/message_cipher.hpp"
#include "protocol/ids.hpp"

namespace godwit::cluster {
class home_loop;
}

namespace godwit::actors {

/// Transport errors a connection may end with: sent as its negative number in the connection's framing.
enum class transport_error : std::int32_t {
  none = 0,
  auth_key_not_found = 404,
  flood = 429,
  invalid_dc = 444,
};

/// A client's address, for limits per address. IPv4 is mapped into IPv6; an IPv6 client is its /64.
struct client_address {
  std::array<std::uint8_t, 16> bytes{};
  bool loopback = false;

  friend bool operator==(const client_address&, const client_address&) = default;
};

/// One packet to a client. `bytes` is auth_key_id (8), msg_key (16) and the plaintext with its padding,
/// which is encrypted in place; or, without `key`, an unencrypted message as it is.
struct outgoing_packet {
  std::string bytes;
  std::shared_ptr<const crypto::auth_key> key;
  bool quick_ack_to_follow = false;
};

/// Knows what to do with what one connection brings. Called on the connection's loop, never from inside
/// its own calls to the connection.
class connection_events {
public:
  virtual ~connection_events() = default;
  /// A whole packet of the transport: auth_key_id and what follows. Valid during the call; may be
  /// decrypted in place. `quick_ack`: the client asks for one.
  virtual void packet(std::span<std::uint8_t> bytes, bool quick_ack) = 0;
  /// The connection is gone: nothing more comes of it.
  virtual void closed() = 0;
  /// What was unsent fell below the bound for writing on.
  virtual void drained() {}
};

/// One connection of a client, of whatever transport. On its loop alone, but for references to it.
class client_connection : public caf::ref_counted {
public:
  /// Takes `events`, which lives as long as the connection is open.
  virtual void listen(std::unique_ptr<connection_events> events) = 0;
  /// Encrypted and sent at the end of the round, together with all others.
  virtual void send(outgoing_packet packet) = 0;
  /// The four bytes that acknowledge a packet at once.
  virtual void send_quick_ack(std::uint32_t token) = 0;
  /// Sends what waits, then the error if there is one, then closes.
  virtual void close(transport_error why = transport_error::none) = 0;
  /// Backpressure: no more packets until resume(). Counted: as many resumes as pauses.
  virtual void pause() = 0;
  virtual void resume() = 0;

  [[nodiscard]] virtual cluster::home_loop& home() const = 0;
  [[nodiscard]] virtual std::size_t unsent_bytes() const = 0;
  [[nodiscard]] virtual const client_address& address() const = 0;
  /// As text, for `account.authorizations` and the operator: never logged with a user.
  [[nodiscard]] virtual std::string address_text() const = 0;
  /// The address that the client dialled, as text, so that it can be told to come there again; empty: not known.
  [[nodiscard]] virtual std::string dialled_address() const { return {}; }
  /// Once a packet with a known key came: the bounds of the handshake end.
  virtual void authenticated() = 0;
};
using connection_ptr = caf::intrusive_ptr<client_connection>;

/// Takes new connections, on their loop: the gateway.
class connection_acceptor {
public:
  virtual ~connection_acceptor() = default;
  virtual void accepted(connection_ptr connection) = 0;
};

} // namespace godwit::actors
