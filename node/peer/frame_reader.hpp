#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "persistence/base/slice.hpp"

namespace godwit::node {

/// Bytes of a length before each frame, little-endian.
inline constexpr std::size_t frame_header_bytes = 4;

/// Writes the header of a frame of so many bytes.
void append_frame_header(std::string& out, std::size_t frame_bytes);

/// Takes frames out of a stream of bytes: a length of four bytes, little-endian, then as many bytes, at least one.
///
/// Each frame has an allocation of its own and of its size: whoever keeps a part of it keeps no neighbours. What is
/// still missing of a frame can be read into it in place (room); so only the beginning of a long one is copied, and
/// a short one once.
class frame_reader {
public:
  explicit frame_reader(std::size_t frame_bytes_max) : frame_bytes_max_(frame_bytes_max) {}

  /// The memory that is missing of the present frame; empty when there is none.
  [[nodiscard]] std::span<char> room();
  /// So many bytes of room() are there now.
  void filled(std::size_t bytes) { have_ += bytes; }
  /// Gives bytes that did not come into room(). They have to live until next() has answered with nothing.
  void feed(std::string_view bytes) { in_ = bytes; }

  /// The next frame that is whole; nothing: more bytes are needed, or the stream is broken.
  std::optional<persistence::slice> next();

  /// Names the rule that the stream broke; empty while it broke none. Afterwards nothing comes any more.
  [[nodiscard]] const std::string& broken() const { return broken_; }
  /// A frame has begun and is not whole.
  [[nodiscard]] bool amid() const { return header_have_ != 0; }

private:
  bool take_header();

  const std::size_t frame_bytes_max_;
  std::string_view in_;
  std::array<std::uint8_t, frame_header_bytes> header_{};
  std::size_t header_have_ = 0;
  std::shared_ptr<char[]> frame_; ///< null: the header is not whole
  std::size_t size_ = 0;          ///< of the frame
  std::size_t have_ = 0;          ///< of the frame
  std::string broken_;
};

} // namespace godwit::node
