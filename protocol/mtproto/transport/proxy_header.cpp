#include "protocol/mtproto/transport/proxy_header.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>

namespace godwit::mtproto {

namespace {

using outcome = expected<bool, transport_errc>;

constexpr std::string_view text_signature = "PROXY ";
constexpr std::string_view binary_signature("\r\n\r\n\0\r\nQUIT\n", 12);
/// Section 2.1: the longest line of version 1, with its CRLF.
constexpr std::size_t text_bytes_max = 107;
constexpr std::size_t binary_fixed_bytes = 16;
constexpr std::array<std::uint8_t, 12> mapped_prefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

outcome refused() { return unexpected(transport_errc::bad_proxy_header); }

proxied_source source_v4(std::span<const std::uint8_t> address, std::uint16_t port) {
  proxied_source source;
  std::copy(mapped_prefix.begin(), mapped_prefix.end(), source.address.begin());
  std::copy_n(address.begin(), 4, source.address.begin() + mapped_prefix.size());
  source.port = port;
  return source;
}

proxied_source source_v6(std::span<const std::uint8_t> address, std::uint16_t port) {
  proxied_source source;
  std::copy_n(address.begin(), 16, source.address.begin());
  source.port = port;
  return source;
}

std::optional<std::uint16_t> port_of(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return port;
}

std::optional<proxied_source> source_of(int family, std::string_view address, std::uint16_t port) {
  std::array<std::uint8_t, 16> bytes{};
  if (inet_pton(family, std::string(address).c_str(), bytes.data()) != 1) {
    return std::nullopt;
  }
  return family == AF_INET ? source_v4(bytes, port) : source_v6(bytes, port);
}

/// Takes the next word off the front; words are parted by exactly one space.
std::string_view take_word(std::string_view& line) {
  const auto end = std::min(line.find(' '), line.size());
  const auto word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

/// "TCP4 <source> <destination> <source port> <destination port>".
std::optional<proxied_source> source_of_line(std::string_view line) {
  const auto protocol = take_word(line);
  if (protocol != "TCP4" && protocol != "TCP6") {
    return std::nullopt;
  }
  const int family = protocol == "TCP4" ? AF_INET : AF_INET6;
  const auto source = take_word(line);
  const auto destination = take_word(line);
  const auto source_port = port_of(take_word(line));
  const auto destination_port = port_of(take_word(line));
  if (!source_port || !destination_port || !line.empty() || !source_of(family, destination, 0)) {
    return std::nullopt;
  }
  return source_of(family, source, *source_port);
}

std::uint16_t big_endian(std::span<const std::uint8_t> bytes) {
  return static_cast<std::uint16_t>(bytes[0] << 8 | bytes[1]);
}

} // namespace

outcome proxy_header_reader::feed(std::span<std::uint8_t>& bytes) {
  for (;;) {
    const std::size_t count = std::min(needed_ - seen_, bytes.size());
    const std::size_t kept = std::min(count, kept_.size() - kept_size_);
    std::copy_n(bytes.begin(), kept, kept_.begin() + static_cast<std::ptrdiff_t>(kept_size_));
    kept_size_ += kept;
    seen_ += count;
    bytes = bytes.subspan(count);
    if (seen_ < needed_) {
      return false;
    }
    const auto complete = step();
    if (!complete || *complete) {
      return complete;
    }
  }
}

/// Looks at what is there once `needed_` bytes are: complete, refused, or more is needed.
outcome proxy_header_reader::step() {
  const std::string_view text(reinterpret_cast<const char*>(kept_.data()), kept_size_);
  const auto signature = text.front() == binary_signature.front() ? binary_signature : text_signature;
  const auto begin = text.substr(0, signature.size());
  if (!signature.starts_with(begin)) {
    return refused();
  }
  if (begin.size() < signature.size()) {
    needed_ = signature.size();
    return false;
  }
  return signature == text_signature ? read_text() : read_binary();
}

outcome proxy_header_reader::read_text() {
  std::string_view line(reinterpret_cast<const char*>(kept_.data()), kept_size_);
  // Byte by byte: what follows the line is the client's.
  if (!line.ends_with("\r\n")) {
    if (line.size() >= text_bytes_max) {
      return refused();
    }
    ++needed_;
    return false;
  }
  line.remove_prefix(text_signature.size());
  line.remove_suffix(2);
  // Section 2.1: what follows "UNKNOWN" is ignored.
  if (line == "UNKNOWN" || line.starts_with("UNKNOWN ")) {
    return true;
  }
  source_ = source_of_line(line);
  return source_ ? outcome(true) : refused();
}

outcome proxy_header_reader::read_binary() {
  if (seen_ < binary_fixed_bytes) {
    needed_ = binary_fixed_bytes;
    return false;
  }
  const std::span<const std::uint8_t> header(kept_);
  const std::size_t size = binary_fixed_bytes + big_endian(header.subspan(14));
  if (size > bytes_max) {
    return refused();
  }
  if (seen_ < size) {
    needed_ = size;
    return false;
  }
  constexpr std::uint8_t local = 0x20;
  constexpr std::uint8_t proxied = 0x21;
  constexpr std::uint8_t tcp_v4 = 0x11;
  constexpr std::uint8_t tcp_v6 = 0x21;
  const std::uint8_t command = header[12];
  const std::uint8_t family = header[13];
  if (command != local && command != proxied) {
    return refused();
  }
  // Section 2.2: both addresses, then both ports; other families carry nothing that is used here.
  const auto addresses = header.subspan(binary_fixed_bytes);
  const std::size_t address_bytes = size - binary_fixed_bytes;
  if (command == proxied && family == tcp_v4) {
    if (address_bytes < 12) {
      return refused();
    }
    source_ = source_v4(addresses, big_endian(addresses.subspan(8)));
  } else if (command == proxied && family == tcp_v6) {
    if (address_bytes < 36) {
      return refused();
    }
    source_ = source_v6(addresses, big_endian(addresses.subspan(32)));
  }
  return true;
}

} // namespace godwit::mtproto
