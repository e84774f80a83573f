#include "protocol/tl/reader.hpp"

#include <algorithm>
#include <bit>

namespace godwit::tl {
namespace {

constexpr std::uint32_t vector_id = 0x1cb5c415;
constexpr std::uint32_t bool_true_id = 0x997275b5;
constexpr std::uint32_t bool_false_id = 0xbc799737;

/// Number of bytes of the UTF-8 sequence at the beginning of `text`, 0 when there is none. Table 3-7 of the
/// Unicode standard.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) {
    return 1;
  }
  const std::size_t length = first >= 0xc2 && first <= 0xdf   ? 2
                             : first >= 0xe0 && first <= 0xef ? 3
                             : first >= 0xf0 && first <= 0xf4 ? 4
                                                              : 0;
  if (length == 0 || text.size() < length) {
    return 0;
  }
  unsigned char low = 0x80;
  unsigned char high = 0xbf;
  if (first == 0xe0) {
    low = 0xa0;
  } else if (first == 0xed) {
    high = 0x9f;
  } else if (first == 0xf0) {
    low = 0x90;
  } else if (first == 0xf4) {
    high = 0x8f;
  }
  if (byte(1) < low || byte(1) > high) {
    return 0;
  }
  for (std::size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) {
      return 0;
    }
  }
  return length;
}

} // namespace

std::string_view to_string(tl_errc error) {
  switch (error) {
  case tl_errc::truncated: return "truncated";
  case tl_errc::trailing_bytes: return "trailing bytes";
  case tl_errc::unknown_constructor: return "unknown constructor";
  case tl_errc::too_deep: return "too deep";
  case tl_errc::too_large: return "too large";
  case tl_errc::invalid_utf8: return "invalid UTF-8";
  case tl_errc::missing_object: return "missing object";
  }
  return "no error";
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    if (length == 0) {
      return false;
    }
    text.remove_prefix(length);
  }
  return true;
}

void reader::fail(tl_errc error) {
  if (ok()) {
    error_ = error;
    at_ = end_; // no later read may succeed
  }
}

double reader::read_double() { return std::bit_cast<double>(read_little<std::uint64_t>()); }

int128 reader::read_int128() {
  int128 value{};
  const auto bytes = read_raw(value.size());
  std::copy(bytes.begin(), bytes.end(), value.begin());
  return value;
}

int256 reader::read_int256() {
  int256 value{};
  const auto bytes = read_raw(value.size());
  std::copy(bytes.begin(), bytes.end(), value.begin());
  return value;
}

std::span<const std::uint8_t> reader::read_raw(std::size_t size) {
  if (remaining() < size) {
    fail(tl_errc::truncated);
    return {};
  }
  const std::span bytes(at_, size);
  at_ += size;
  return bytes;
}

std::string_view reader::read_bytes() {
  if (remaining() < 4) {
    fail(tl_errc::truncated);
    return {};
  }
  std::size_t head = 1;
  std::size_t size = at_[0];
  if (size == 254) {
    head = 4;
    size = at_[1] | std::size_t{at_[2]} << 8 | std::size_t{at_[3]} << 16;
  } else if (size == 255) {
    // Lengths of 2^24 and more, which TDLib reads, are beyond every limit here.
    fail(tl_errc::too_large);
    return {};
  }
  const std::size_t whole = (head + size + 3) & ~std::size_t{3};
  if (remaining() < whole) {
    fail(tl_errc::truncated);
    return {};
  }
  const std::string_view value(reinterpret_cast<const char*>(at_ + head), size);
  at_ += whole;
  return value;
}

std::string_view reader::read_text() {
  const std::string_view value = read_bytes();
  if (!is_utf8(value)) {
    fail(tl_errc::invalid_utf8);
    return {};
  }
  return value;
}

bool reader::read_bool() {
  const std::uint32_t id = read_id();
  if (id != bool_true_id && id != bool_false_id) {
    fail(tl_errc::unknown_constructor);
  }
  return id == bool_true_id;
}

std::size_t reader::read_count(std::size_t min_bytes) {
  const std::uint32_t count = read_id();
  if (!ok()) {
    return 0;
  }
  if (count > remaining() / min_bytes) {
    fail(tl_errc::too_large);
    return 0;
  }
  return count;
}

std::size_t reader::read_vector(std::size_t min_bytes) {
  if (read_id() != vector_id) {
    fail(tl_errc::unknown_constructor);
    return 0;
  }
  return read_count(min_bytes);
}

std::uint32_t reader::peek_id() const {
  reader copy = *this;
  return copy.read_id();
}

expected<void, tl_errc> reader::finish() {
  if (ok() && at_ != end_) {
    fail(tl_errc::trailing_bytes);
  }
  if (!ok()) {
    return unexpected(error_);
  }
  return {};
}

bool reader::enter(std::size_t size) {
  if (depth_left_ == 0) {
    fail(tl_errc::too_deep);
    return false;
  }
  if (!charge(size)) {
    return false;
  }
  --depth_left_;
  return true;
}

bool reader::charge(std::size_t size) {
  if (!ok()) {
    return false;
  }
  if (size > memory_left_) {
    fail(tl_errc::too_large);
    return false;
  }
  memory_left_ -= size;
  return true;
}

} // namespace godwit::tl
