#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace godwit::mtproto {

/// Why a stream cannot be read on. Nothing behind the fault can be trusted to begin a packet, so that
/// the connection ends with any of them.
enum class transport_errc : std::uint8_t {
  /// The first bytes are of no transport served here.
  unknown_transport,
  /// A TLS greeting: the client takes this port for another.
  tls,
  /// HTTP where it is not accepted.
  http,
  /// An empty packet, or a length that the framing cannot have.
  bad_length,
  /// A packet above the bound of the connection.
  too_long,
  /// Full transport: a packet out of turn.
  wrong_sequence,
  /// Full transport: the checksum does not fit the packet.
  wrong_checksum,
  /// A PROXY header that the specification does not allow.
  bad_proxy_header,
};

inline constexpr std::size_t transport_errors = 8;

/// A word for metrics and logs.
std::string_view name_of(transport_errc error);

} // namespace godwit::mtproto
