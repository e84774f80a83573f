#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "protocol/mtproto/handshake/server_handshake.hpp"

namespace godwit::mtproto {

/// The exchanges of one connection, told apart by their nonces: a client may make its permanent and its
/// temporary key side by side. At most limits::handshakes_per_connection_max; one more replaces the oldest.
/// One thread at a time.
class connection_handshakes {
public:
  connection_handshakes(server_keys keys, crypto::random_source& random);
  ~connection_handshakes();

  /// A step together with the exchange it belongs to, which key_committed() wants back.
  struct result {
    std::uint32_t exchange = 0;
    handshake_result step;
  };

  result handle(std::string_view body, unix_time now);
  result finish(handshake_work work);
  result key_committed(std::uint32_t id, commit_outcome outcome);

  [[nodiscard]] std::size_t size() const;

private:
  struct exchange;
  exchange* find(std::uint32_t id);

  server_keys keys_;
  crypto::random_source& random_;
  std::uint32_t last_id_ = 0;
  std::vector<exchange> exchanges_; // oldest first
};

} // namespace godwit::mtproto
