#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace godwit::mtproto {

/// How packets are told apart in a stream (https://core.telegram.org/mtproto/mtproto-transports).
enum class framing : std::uint8_t { abridged, intermediate, padded_intermediate, full };

/// A framing, and whether the stream around it is encrypted with AES-256-CTR ("Transport obfuscation").
struct transport_kind {
  mtproto::framing framing = mtproto::framing::abridged;
  bool obfuscated = false;

  friend bool operator==(transport_kind, transport_kind) = default;
};

inline constexpr std::size_t transport_kinds = 8;

/// 0 .. transport_kinds - 1, for tables of counters.
constexpr std::size_t index_of(transport_kind kind) {
  return static_cast<std::size_t>(kind.framing) * 2 + (kind.obfuscated ? 1 : 0);
}

/// A word for metrics and logs: "abridged", "obfuscated_abridged" and so on.
std::string_view name_of(transport_kind kind);

} // namespace godwit::mtproto
