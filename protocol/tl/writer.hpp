#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "protocol/tl/error.hpp"
#include "protocol/tl/reader.hpp"

namespace godwit::tl {

/// Appends TL values to a buffer that the caller owns.
///
/// Storing an object that the layer does not know, or with a mandatory box empty, is the caller's mistake:
/// the writer then remembers the first such error, and what it wrote from there is worth nothing. Check
/// ok() before sending.
class writer {
public:
  explicit writer(std::string& out) : out_(out) {}

  void write_id(std::uint32_t value) { write_little(value); }
  void write_int(std::int32_t value) { write_little(static_cast<std::uint32_t>(value)); }
  void write_long(std::int64_t value) { write_little(static_cast<std::uint64_t>(value)); }
  void write_double(double value);
  void write_int128(const int128& value);
  void write_int256(const int256& value);
  /// `bytes` and `string` alike: length, content, zeros up to a multiple of four. At most 2^24-1 bytes, else
  /// too_large. `value` must not point into the buffer.
  void write_bytes(std::string_view value);
  void write_bool(bool value);
  /// The constructor `vector` and the count.
  void write_vector(std::size_t count);
  /// Bytes as they are, without a length.
  void write_raw(std::span<const std::uint8_t> value);
  void write_raw(std::string_view value) { out_.append(value); }

  /// Appends `size` zero bytes to be patched later; yields their position in the buffer.
  std::size_t reserve(std::size_t size);
  /// Overwrites what was reserved (or written) at `position`.
  void patch_int(std::size_t position, std::int32_t value);
  void patch_long(std::size_t position, std::int64_t value);
  /// Where the next byte goes, counted from the beginning of the buffer.
  [[nodiscard]] std::size_t position() const { return out_.size(); }
  [[nodiscard]] std::string& buffer() { return out_; }

  [[nodiscard]] bool ok() const { return error_ == tl_errc{}; }
  [[nodiscard]] tl_errc error() const { return error_; }
  void fail(tl_errc error);

private:
  template <class T>
  void write_little(T value) {
    char bytes[sizeof(T)];
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      bytes[i] = static_cast<char>(static_cast<unsigned char>(value >> (8 * i)));
    }
    out_.append(bytes, sizeof(T));
  }

  std::string& out_;
  tl_errc error_{};
};

} // namespace godwit::tl
