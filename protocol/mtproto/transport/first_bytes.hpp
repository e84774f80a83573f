#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "protocol/mtproto/transport/transport_kind.hpp"

namespace godwit::mtproto {

/// What the first bytes of a connection say about what follows
/// (https://core.telegram.org/mtproto/mtproto-transports).
struct first_bytes_verdict {
  enum class kind : std::uint8_t {
    /// `size` bytes are needed to say more.
    undecided,
    /// A plain transport: `framing`; its first packet begins behind `size` bytes.
    plain,
    /// The bytes begin a header of 64 bytes, and none of the other kinds.
    obfuscated,
    http,
    tls,
  };

  kind what = kind::undecided;
  mtproto::framing framing = mtproto::framing::full;
  std::size_t size = 0;
};

first_bytes_verdict tell_first_bytes(std::span<const std::uint8_t> bytes);

/// The number that names a framing at the front of a stream and in an obfuscation header. The full
/// transport has none: it is known by the sequence number 0 of its first packet.
std::uint32_t name_of_framing(framing framing);
std::optional<framing> framing_of_name(std::uint32_t name);

} // namespace godwit::mtproto
