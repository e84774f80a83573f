#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/crypto/random.hpp"
#include "protocol/crypto/rsa.hpp"
#include "protocol/expected.hpp"
#include "protocol/ids.hpp"
#include "protocol/mtproto/handshake/handshake_types.hpp"

namespace godwit::mtproto {

/// What the clients in the field differ in.
struct client_handshake_options {
  std::vector<crypto::rsa_public_key> server_keys;
  bool multi = true;                              ///< req_pq_multi instead of req_pq
  bool rsa_pad = true;                            ///< RSA_PAD instead of the SHA-1 scheme
  std::optional<std::int32_t> dc;                 ///< p_q_inner_data_dc instead of p_q_inner_data
  std::optional<std::int32_t> expires_in_seconds; ///< a temporary key
};

/// The body of the next unencrypted message to the server.
struct handshake_query {
  std::string body;
};

/// The client's side of a key exchange: for tests and the load generator. Does its expensive steps itself.
/// Checks all that the security guidelines ask of a client.
class client_handshake {
public:
  client_handshake(client_handshake_options options, crypto::random_source& random);
  ~client_handshake();
  client_handshake(client_handshake&&) noexcept;
  client_handshake& operator=(client_handshake&&) noexcept;

  /// The first query.
  std::string start();
  /// The body of an answer.
  expected<std::variant<handshake_query, new_auth_key>, handshake_errc> handle(std::string_view body);

  /// What the server's clock showed; 0 before it told.
  [[nodiscard]] unix_time server_time() const;

private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace godwit::mtproto
