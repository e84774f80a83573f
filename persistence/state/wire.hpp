#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace godwit::persistence::wire {

// The few pieces of the Protobuf encoding that hot records are written and read with in place:
// https://protobuf.dev/programming-guides/encoding/. Groups, which no record uses, are refused.

/// A record on the wire begins each field with this.
constexpr std::uint32_t bytes_tag(std::uint32_t field) { return field << 3 | 2; }

constexpr std::size_t varint_size(std::uint64_t value) {
  std::size_t size = 1;
  while (value >= 0x80) {
    value >>= 7;
    ++size;
  }
  return size;
}

inline void append_varint(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

/// Tag, length and content of a field of type bytes, string or message; fields below 16.
inline void append_bytes(std::string& out, std::uint32_t field, std::string_view content) {
  out.push_back(static_cast<char>(bytes_tag(field)));
  append_varint(out, content.size());
  out.append(content);
}

/// Size of what append_bytes appends.
constexpr std::size_t bytes_size(std::size_t content) { return 1 + varint_size(content) + content; }

/// Takes a varint of at most 64 bits off the front. False: there is none.
bool take_varint(std::string_view& in, std::uint64_t& out);

/// Takes the next field off the front. `content` is set for fields of type bytes and empty for
/// others. False at the end of `in`, and where no field can be read: then `in` is not empty.
bool take_field(std::string_view& in, std::uint32_t& tag, std::string_view& content);

} // namespace godwit::persistence::wire
