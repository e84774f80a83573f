#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/mtproto/handshake/client_handshake.hpp"
#include "protocol/mtproto/message/client_session.hpp"
#include "protocol/tl/object.hpp"
#include "tests/support/wire/socket_connection.hpp"

namespace godwit::test {

/// What a client says of itself by initConnection.
struct client_device {
  std::int32_t api_id = 17;
  std::string device_model = "Test";
  std::string system_version = "Linux";
  std::string app_version = "1.0";
  std::string system_lang_code = "en";
  std::string lang_pack;
  std::string lang_code = "en";
  bool tz_offset = false; ///< params hold a tz_offset, as newer clients send
};

struct socket_client_options {
  socket_address to;
  mtproto::transport_kind transport{mtproto::framing::intermediate, false};
  std::int16_t dc = 2; ///< for the header of an obfuscated transport
  layer_t layer = 198;
  client_device device;
  std::size_t pack_above_bytes = 0; ///< queries larger than this are packed; 0: never
  std::chrono::milliseconds patience{15'000};
};

/// A client of a real node: one connection, keys and one session, blocking. Does the same as the clients in the
/// field, and on request what they would not.
class socket_client {
public:
  explicit socket_client(socket_client_options options);
  ~socket_client();

  // --- connections and keys ---

  /// A new connection in place of the old one; a session goes on over it.
  bool connect();
  /// A whole key exchange on the present connection. Nothing: it failed or was refused.
  std::optional<mtproto::new_auth_key> exchange(mtproto::client_handshake_options exchange_options);
  /// Opens a session of a key; 0: with a random number.
  void open(const mtproto::new_auth_key& key, std::uint64_t session = 0);
  /// The query auth.bindTempAuthKey that binds the key of this session to a permanent one, when sent as `query`.
  [[nodiscard]] std::string bind_query(const mtproto::new_auth_key& permanent, msg_id query,
                                       std::int32_t expires_at) const;

  // --- calls ---

  mtproto::client_call send(std::string query);
  /// The answer; `error_text` is "SILENCE" when none came while it was waited for.
  mtproto::client_answer wait(mtproto::client_call call);
  mtproto::client_answer call(std::string query) { return wait(send(std::move(query))); }
  mtproto::client_answer call(const tl::fn::function& what, bool init = false);

  [[nodiscard]] std::string bytes(const tl::fn::function& what) const;
  /// invokeWithLayer and initConnection around a query.
  [[nodiscard]] std::string wrapped(std::string_view query) const;

  // --- messages ---

  /// A message past the session's own bookkeeping, as a packet of its own.
  void send_message(msg_id id, std::uint32_t seqno, std::string_view body);
  /// The same, encrypted and not sent.
  [[nodiscard]] std::string sealed(msg_id id, std::uint32_t seqno, std::string_view body);
  /// Encrypts whole plaintext with its inner header; the last bytes are padding.
  [[nodiscard]] std::string sealed_plaintext(std::string_view plaintext) const;
  /// Announces that wait_result() will be asked for a message inside a container that is sent so.
  void expect_result(msg_id query) { results_.try_emplace(query); }
  /// The result of a message that was sent so.
  std::optional<std::string> wait_result(msg_id query);
  /// Sends what waits and handles what came; blocks until something does, or the time is over.
  void pump(std::chrono::milliseconds patience);
  /// Until `done` or the patience is at its end.
  template <class F>
  bool wait_until(F done) {
    const auto until = std::chrono::steady_clock::now() + options.patience;
    while (!done()) {
      if (std::chrono::steady_clock::now() > until || (!is_connected() && !done())) {
        return false;
      }
      pump(std::chrono::milliseconds(100));
    }
    return true;
  }
  /// A ping, and its pong. Nothing: none came. `delay`: ping_delay_disconnect.
  bool ping(std::optional<std::int32_t> delay = std::nullopt);

  [[nodiscard]] bool is_connected() const { return connection && connection->is_open(); }
  [[nodiscard]] static unix_ms now();

  socket_client_options options;
  std::unique_ptr<socket_connection> connection;
  std::optional<mtproto::new_auth_key> key;
  std::unique_ptr<mtproto::client_session> session;
  mtproto::client_output seen; ///< pushes, pongs and service messages so far
  int new_sessions = 0;
  int packets = 0;        ///< that came over all connections
  int undecipherable = 0; ///< packets that were not for this key or session

private:
  void handle(std::string packet);
  void note_results(const mtproto::buffer_slice& body);
  void send_waiting();

  mtproto::msg_id_source plain_ids_;
  std::map<mtproto::client_call, mtproto::client_answer> answers_;
  std::map<msg_id, std::string> results_; ///< of messages sent past the session; empty: not here yet
};

/// Whole plaintext of a packet, up to its padding of at least 12 bytes.
std::string plaintext_of(std::uint64_t salt, session_id session, msg_id id, std::uint32_t seqno, std::string_view body);
/// msg_container.
struct contained_message {
  msg_id id;
  std::uint32_t seqno = 0;
  std::string body;
};
std::string container_of(const std::vector<contained_message>& messages);

} // namespace godwit::test
