#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace godwit::node {

/// Small hexadecimal digits.
std::string to_hex(std::span<const std::uint8_t> bytes);
inline std::string to_hex(std::string_view bytes) {
  return to_hex(std::span(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()));
}

/// Fills `out`; false unless the text has exactly so many small digits.
bool from_hex(std::string_view text, std::span<std::uint8_t> out);

/// Of any length; nothing when it is no hexadecimal text.
std::optional<std::string> from_hex(std::string_view text);

} // namespace godwit::node
