#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "protocol/expected.hpp"
#include "protocol/tl/error.hpp"

namespace godwit::tl {

using int128 = std::array<std::uint8_t, 16>;
using int256 = std::array<std::uint8_t, 32>;

/// What one reader may build out of its bytes.
struct read_limits {
  std::uint32_t depth = 32;                   ///< nested objects
  std::size_t memory = std::size_t{16} << 20; ///< bytes of the objects made, strings apart
};

/// Whether `text` is well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text);

/// Reads TL values out of bytes that somebody else owns. The first error stays: from then on every read
/// yields 0 or nothing and moves nowhere, so that a caller may check once at the end.
/// Source: https://core.telegram.org/mtproto/serialize
class reader {
public:
  explicit reader(std::span<const std::uint8_t> bytes, read_limits limits = {})
      : at_(bytes.data()), end_(bytes.data() + bytes.size()), depth_left_(limits.depth), memory_left_(limits.memory) {}
  explicit reader(std::string_view bytes, read_limits limits = {})
      : reader(std::span(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()), limits) {}

  std::uint32_t read_id() { return read_little<std::uint32_t>(); }
  std::int32_t read_int() { return static_cast<std::int32_t>(read_little<std::uint32_t>()); }
  std::int64_t read_long() { return static_cast<std::int64_t>(read_little<std::uint64_t>()); }
  double read_double();
  int128 read_int128();
  int256 read_int256();

  /// `bytes`, or a `string` whose content is not text. Points into the input.
  std::string_view read_bytes();
  /// `string` of the API: read_bytes() that refuses what is not UTF-8.
  std::string_view read_text();
  /// boolTrue or boolFalse.
  bool read_bool();
  /// Number of elements of a bare vector; the elements follow. 0 on error. An element has at least
  /// `min_bytes` bytes: a count that the rest of the input cannot hold is too_large.
  std::size_t read_count(std::size_t min_bytes);
  /// The same behind the constructor `vector`.
  std::size_t read_vector(std::size_t min_bytes);
  /// The next `size` raw bytes, without a length in front.
  std::span<const std::uint8_t> read_raw(std::size_t size);

  /// The next constructor number, without moving; 0 when there is none.
  [[nodiscard]] std::uint32_t peek_id() const;
  /// Everything not read yet.
  [[nodiscard]] std::span<const std::uint8_t> rest() const { return {at_, end_}; }
  [[nodiscard]] std::size_t remaining() const { return static_cast<std::size_t>(end_ - at_); }

  [[nodiscard]] bool ok() const { return error_ == tl_errc{}; }
  /// The first error; tl_errc{} while ok().
  [[nodiscard]] tl_errc error() const { return error_; }
  void fail(tl_errc error);
  /// For the end of a message: nothing failed and nothing is left.
  expected<void, tl_errc> finish();

  /// For generated code: one more object of `size` bytes, inside the present one until leave().
  bool enter(std::size_t size);
  void leave() { ++depth_left_; }
  /// For generated code: `size` more bytes of memory.
  bool charge(std::size_t size);

private:
  template <class T>
  T read_little() {
    if (remaining() < sizeof(T)) [[unlikely]] {
      fail(tl_errc::truncated);
      return 0;
    }
    T value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      value |= static_cast<T>(static_cast<T>(at_[i]) << (8 * i));
    }
    at_ += sizeof(T);
    return value;
  }

  const std::uint8_t* at_;
  const std::uint8_t* end_;
  std::uint32_t depth_left_;
  std::size_t memory_left_;
  tl_errc error_{};
};

} // namespace godwit::tl
