#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "config/limits.hpp"
#include "protocol/crypto/random.hpp"
#include "protocol/mtproto/transport/client_transport.hpp"
#include "protocol/mtproto/transport/server_transport.hpp"

namespace godwit::mtproto {

inline std::ostream& operator<<(std::ostream& out, transport_errc error) { return out << name_of(error); }
inline std::ostream& operator<<(std::ostream& out, transport_kind kind) { return out << name_of(kind); }

namespace test {

using bytes = std::vector<std::uint8_t>;

/// SplitMix64: the same sequence from the same seed.
class seeded_random final : public crypto::random_source {
public:
  explicit seeded_random(std::uint64_t seed) : state_(seed) {}

  void fill(std::span<std::uint8_t> out) override {
    for (std::uint8_t& byte : out) {
      byte = static_cast<std::uint8_t>(next() >> 32);
    }
  }
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  /// 0 .. below - 1.
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(next() % bound); }

private:
  std::uint64_t state_;
};

inline constexpr packet_limits wide = {limits::packet_bytes_max, limits::packet_bytes_max};

inline const std::array<transport_kind, transport_kinds>& every_kind() {
  static const std::array<transport_kind, transport_kinds> kinds = [] {
    std::array<transport_kind, transport_kinds> made;
    for (const auto framing : {framing::abridged, framing::intermediate, framing::padded_intermediate, framing::full}) {
      for (const bool obfuscated : {false, true}) {
        const transport_kind kind{framing, obfuscated};
        made[index_of(kind)] = kind;
      }
    }
    return made;
  }();
  return kinds;
}

/// A packet that looks encrypted: 24 bytes and a multiple of 16, its first byte not zero.
inline bytes encrypted_packet(std::size_t blocks, seeded_random& random) {
  bytes packet(24 + 16 * blocks);
  random.fill(packet);
  packet[0] |= 1;
  return packet;
}

inline bytes joined(std::initializer_list<bytes> parts) {
  bytes all;
  for (const bytes& part : parts) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

/// What a reader made of a stream.
struct outcome {
  std::vector<bytes> packets;
  std::vector<bool> quick_acks_wanted;
  std::vector<std::uint32_t> tokens;
  bool failed = false;
  transport_errc error{};
  bool http = false;

  friend bool operator==(const outcome&, const outcome&) = default;
};

/// Takes what can be read now. False: the stream is over.
template <class Transport>
bool read_all(Transport& transport, outcome& out) {
  for (;;) {
    const auto next = transport.next();
    if (!next) {
      out.failed = true;
      out.error = next.error();
      return false;
    }
    if (!*next) {
      return true;
    }
    if ((*next)->quick_ack_token != 0) {
      out.tokens.push_back((*next)->quick_ack_token);
      continue;
    }
    out.packets.emplace_back((*next)->bytes.begin(), (*next)->bytes.end());
    out.quick_acks_wanted.push_back((*next)->quick_ack_wanted);
  }
}

/// Feeds a piece to a server, which reads it to the end. False: the stream is over.
inline bool feed(server_transport& server, bytes piece, outcome& out) {
  const auto stage = server.feed(piece);
  if (!stage) {
    out.failed = true;
    out.error = stage.error();
    return false;
  }
  if (*stage == server_transport::stage::http) {
    out.http = true;
    return false;
  }
  return read_all(server, out);
}

inline bool feed(client_transport& client, bytes piece, outcome& out) {
  client.feed(piece);
  return read_all(client, out);
}

/// Gives the stream in pieces that end at `cuts`, which ascend.
template <class Transport>
outcome feed_cut(Transport& transport, const bytes& stream, const std::vector<std::size_t>& cuts) {
  outcome out;
  std::size_t at = 0;
  for (std::size_t i = 0; i <= cuts.size(); ++i) {
    const std::size_t end = i < cuts.size() ? cuts[i] : stream.size();
    if (!feed(
          transport,
          bytes(stream.begin() + static_cast<std::ptrdiff_t>(at), stream.begin() + static_cast<std::ptrdiff_t>(end)),
          out)) {
      break;
    }
    at = end;
  }
  return out;
}

inline outcome read_stream(const bytes& stream, const packet_limits& limits = wide, bool http_allowed = true) {
  server_transport server(http_allowed, limits);
  return feed_cut(server, stream, {});
}

} // namespace test
} // namespace godwit::mtproto
