#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "protocol/crypto/aes_ctr.hpp"
#include "protocol/crypto/random.hpp"
#include "protocol/mtproto/transport/frame.hpp"

namespace godwit::mtproto {

inline constexpr std::size_t obfuscation_header_bytes = 64;
using obfuscation_header = std::array<std::uint8_t, obfuscation_header_bytes>;

/// The two key streams of an obfuscated connection
/// (https://core.telegram.org/mtproto/mtproto-transports#transport-obfuscation).
struct obfuscation {
  crypto::aes_ctr from_client;
  crypto::aes_ctr to_client;
  /// What the header says the connection is for: negative for media, plus 10000 for test servers. Several
  /// clients put random bytes here; nothing may depend on it.
  std::int16_t dc = 0;
  mtproto::framing framing = mtproto::framing::full;

  /// The server's view of a header from the wire. Any 64 bytes give key streams; a header that names no
  /// framing stands for the full one, which has no name of its own.
  static obfuscation accept(const obfuscation_header& header);

  /// The client's: makes a header whose first bytes are of no other transport. `header` is ready to send.
  static obfuscation offer(mtproto::framing framing, std::int16_t dc, crypto::random_source& random,
                           obfuscation_header& header);
};

} // namespace godwit::mtproto
