#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace godwit::crypto {

using bytes_view = std::span<const std::uint8_t>;
using mutable_bytes = std::span<std::uint8_t>;

inline bytes_view as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline std::string_view as_text(bytes_view bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Whether both hold the same; the time taken depends on the sizes alone. Different sizes are unequal.
[[nodiscard]] bool equal(bytes_view left, bytes_view right);

/// Overwrites a secret; no compiler takes this away.
void wipe(mutable_bytes secret);

} // namespace godwit::crypto
