#include "persistence/base/crc32c.hpp"

#include <algorithm>
#include <cstddef>

#include <isa-l/crc.h>

namespace godwit::persistence {

std::uint32_t crc32c(std::string_view bytes, std::uint32_t before) {
  // The library gives the bare register: RFC 3720 inverts it at both ends.
  std::uint32_t state = ~before;
  // Its length is an int.
  constexpr std::size_t piece_bytes_max = std::size_t{1} << 30;
  while (!bytes.empty()) {
    const std::size_t piece = std::min(bytes.size(), piece_bytes_max);
    // It wants a mutable buffer and does not write to it.
    auto* data = reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data()));
    state = crc32_iscsi(data, static_cast<int>(piece), state);
    bytes.remove_prefix(piece);
  }
  return ~state;
}

} // namespace godwit::persistence
