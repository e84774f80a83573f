#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "protocol/expected.hpp"
#include "protocol/mtproto/transport/transport_errc.hpp"

namespace godwit::mtproto {

/// Who connected to a proxy. IPv4 is mapped into IPv6.
struct proxied_source {
  std::array<std::uint8_t, 16> address{};
  std::uint16_t port = 0;

  friend bool operator==(const proxied_source&, const proxied_source&) = default;
};

/// Reads the header that a proxy puts in front of a connection, version 1 (text) or 2 (binary)
/// (https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt). Keeps at most 108 bytes; what a
/// header of version 2 carries beyond addresses is skipped up to a bound.
class proxy_header_reader {
public:
  /// Takes the header's part off the front of `bytes`. True: the header is complete and what is left
  /// is the client's; false: more is needed, and nothing is left.
  expected<bool, transport_errc> feed(std::span<std::uint8_t>& bytes);

  /// Once complete. None: the proxy speaks for itself (LOCAL, UNKNOWN, or a family without addresses),
  /// and the connection's own address holds.
  [[nodiscard]] const std::optional<proxied_source>& source() const { return source_; }

  /// Longest header accepted, additional fields of version 2 included.
  static constexpr std::size_t bytes_max = 4096;

private:
  expected<bool, transport_errc> step();
  expected<bool, transport_errc> read_text();
  expected<bool, transport_errc> read_binary();

  std::array<std::uint8_t, 108> kept_{};
  std::size_t kept_size_ = 0;
  /// Bytes of the header that are needed to go on, and how many came; beyond kept_ they are only counted.
  std::size_t needed_ = 1;
  std::size_t seen_ = 0;
  std::optional<proxied_source> source_;
};

} // namespace godwit::mtproto
