#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bench/load/cipher_round.hpp"
#include "bench/load/socket_loop.hpp"
#include "protocol/crypto/rsa.hpp"
#include "protocol/mtproto/handshake/handshake_types.hpp"
#include "protocol/mtproto/message/client_session.hpp"
#include "protocol/mtproto/transport/transport_kind.hpp"

namespace godwit::mtproto {
class client_handshake;
class client_transport;
} // namespace godwit::mtproto

namespace godwit::tl::fn {
struct function;
}

namespace godwit::bench {

/// Where a client goes, and as what.
struct client_target {
  std::uint16_t port = 0;
  /// The number of the client chooses its address, 127.x.y.z: one has ports for a part of the clients only.
  std::uint32_t number = 0;
  /// The node's address, 127.0.0.host; with several hosts from there on, the number chooses among them, too.
  std::uint32_t host = 1;
  std::uint32_t hosts = 1;
  crypto::rsa_public_key server_key;
  mtproto::transport_kind transport{mtproto::framing::abridged, true};
  layer_t layer = 198;
  /// Acknowledgements go with the next call, but so many go by themselves.
  std::size_t acks_gathered = 1;

  /// The low three bytes of the address that a client of this number dials.
  [[nodiscard]] std::uint32_t dialled() const { return host + number % hosts; }
};

/// A key as both sides have it; several clients may share one.
struct client_key {
  crypto::auth_key key;
  auth_key_id id;
  std::uint64_t salt = 0;
};

/// One client: a connection, a key exchange where one is wanted, a session. Driven by the socket_loop, told apart
/// by callbacks, which may ask for the next thing but not destroy the client.
class load_client : public socket_handler, public cipher_client {
public:
  using clock = socket_loop::clock;

  /// Connects. `on_lost` is told once, in a word, when the connection ends other than by the client's wish.
  load_client(socket_loop& loop, const client_target& where, std::function<void(const std::string&)> on_lost);
  ~load_client() override;

  /// A whole key exchange; does its arithmetic here and now, on the loop's thread. Afterwards a further one is
  /// possible.
  void make_key(std::function<void(std::shared_ptr<const client_key>)> done);
  /// From here on the client speaks with this key, in a session of its own.
  void use_key(std::shared_ptr<const client_key> key);

  using answer_fn = std::function<void(const mtproto::client_answer&)>;
  /// `init`: inside invokeWithLayer and initConnection.
  void call(const tl::fn::function& what, answer_fn done, bool init = false);
  /// ping_delay_disconnect, with the seconds between ping and answer.
  void ping(std::function<void(double)> done);

  /// Told of every update that comes unasked, in the order of their arrival.
  void on_push(std::function<void(const mtproto::buffer_slice&)> told) { pushed_ = std::move(told); }

  [[nodiscard]] bool is_connected() const { return socket_ >= 0; }

  void on_socket(std::uint32_t events) override;
  void decrypted(mtproto::buffer_slice plain) override;
  void gather(mtproto::packet_sink& packets) override;
  void encrypted(std::span<const std::uint8_t> packet) override;
  void send() override { write(); }

private:
  struct sent_ping {
    clock::time_point at;
    std::function<void(double)> done;
  };

  void lose(const std::string& why);
  void read(bool to_the_end);
  void handle(std::span<std::uint8_t> packet);
  void handle_plain(std::span<const std::uint8_t> packet);
  void handle_encrypted(std::span<std::uint8_t> packet);
  void send_plain(std::string_view body);
  void flush_later();
  void write();

  socket_loop& loop_;
  client_target where_;
  std::function<void(const std::string&)> on_lost_;
  int socket_ = -1;
  std::unique_ptr<mtproto::client_transport> transport_;
  std::vector<std::uint8_t> unsent_;

  std::unique_ptr<mtproto::client_handshake> handshake_;
  std::function<void(std::shared_ptr<const client_key>)> key_made_;
  mtproto::msg_id_source plain_ids_;

  std::shared_ptr<const client_key> key_;
  std::optional<mtproto::client_session> session_;
  std::map<mtproto::client_call, answer_fn> calls_;
  std::map<std::uint64_t, sent_ping> pings_;
  std::function<void(const mtproto::buffer_slice&)> pushed_;
  bool has_output_ = false;
  mtproto::client_output received_;
};

/// Wall clock, as the protocol counts it.
unix_ms wall_time();

} // namespace godwit::bench
