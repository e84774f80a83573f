#include "persistence/state/wire.hpp"

namespace godwit::persistence::wire {

namespace {

// The last byte of a length or tag holds the four highest of 32 bits.
bool take_varint32(std::string_view& in, std::uint32_t& out) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < in.size() && i < 5; ++i) {
    const auto byte = static_cast<unsigned char>(in[i]);
    if (i == 4 && byte > 0x0F) {
      return false;
    }
    value |= static_cast<std::uint32_t>(byte & 0x7F) << (7 * i);
    if (byte < 0x80) {
      in.remove_prefix(i + 1);
      out = value;
      return true;
    }
  }
  return false;
}

bool take_bytes(std::string_view& in, std::size_t count, std::string_view& out) {
  if (count > in.size()) {
    return false;
  }
  out = in.substr(0, count);
  in.remove_prefix(count);
  return true;
}

} // namespace

bool take_varint(std::string_view& in, std::uint64_t& out) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < in.size() && i < 10; ++i) {
    const auto byte = static_cast<unsigned char>(in[i]);
    if (i == 9 && byte > 0x01) {
      return false;
    }
    value |= static_cast<std::uint64_t>(byte & 0x7F) << (7 * i);
    if (byte < 0x80) {
      in.remove_prefix(i + 1);
      out = value;
      return true;
    }
  }
  return false;
}

bool take_field(std::string_view& in, std::uint32_t& tag, std::string_view& content) {
  if (in.empty()) {
    return false;
  }
  // Bytes of a short field with a low number, as most are.
  constexpr unsigned char bytes_type = 2;
  const auto first = static_cast<unsigned char>(in[0]);
  const auto second = in.size() > 1 ? static_cast<unsigned char>(in[1]) : 0xFFU;
  if (first < 0x80 && first >> 3 != 0 && (first & 7) == bytes_type && second < 0x80 && second <= in.size() - 2) {
    tag = first;
    content = in.substr(2, second);
    in.remove_prefix(2 + std::size_t{second});
    return true;
  }
  std::string_view rest = in; // `in` moves only once the field is whole
  if (!take_varint32(rest, tag) || tag >> 3 == 0) {
    return false;
  }
  std::uint64_t number = 0;
  std::uint32_t length = 0;
  std::string_view skipped;
  content = {};
  bool whole = false;
  switch (tag & 7) {
  case 0: whole = take_varint(rest, number); break;
  case 1: whole = take_bytes(rest, 8, skipped); break;
  case 2: whole = take_varint32(rest, length) && take_bytes(rest, length, content); break;
  case 5: whole = take_bytes(rest, 4, skipped); break;
  default: break;
  }
  if (whole) {
    in = rest;
  }
  return whole;
}

} // namespace godwit::persistence::wire
