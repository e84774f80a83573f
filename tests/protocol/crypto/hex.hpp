#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace godwit::test {

inline std::vector<std::uint8_t> from_hex(std::string_view text) {
  const auto digit = [](char c) { return static_cast<std::uint8_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10); };
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(digit(text[i]) << 4 | digit(text[i + 1])));
  }
  return bytes;
}

template <std::size_t Size>
std::array<std::uint8_t, Size> array_from_hex(std::string_view text) {
  const std::vector<std::uint8_t> bytes = from_hex(text);
  std::array<std::uint8_t, Size> result{};
  std::copy_n(bytes.begin(), std::min(Size, bytes.size()), result.begin());
  return result;
}

inline std::string to_hex(std::span<const std::uint8_t> bytes) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

} // namespace godwit::test
