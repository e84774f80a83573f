#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "protocol/expected.hpp"
#include "protocol/mtproto/message/buffer.hpp"

namespace godwit::mtproto {

enum class unpack_errc : std::uint8_t {
  corrupt = 1, ///< no stream, a broken one, or bytes behind it
  too_large,   ///< the content is larger than allowed
};

/// Unpacks a gzip or a zlib stream of at most `bytes_max` content.
expected<buffer_slice, unpack_errc> unpack(std::span<const std::uint8_t> packed, std::size_t bytes_max);

/// The content of a whole gzip_packed object, constructor included.
expected<buffer_slice, unpack_errc> unpack_object(std::span<const std::uint8_t> object, std::size_t bytes_max);

/// The same with a budget for several, lessened by what was unpacked. A failure costs, too, so that many
/// broken streams are not each unpacked in vain.
expected<buffer_slice, unpack_errc> unpack_within(const buffer_slice& object, std::size_t& budget);

/// A whole gzip_packed object with `content`; nothing when it saves less than an eighth.
std::optional<std::string> pack_object(std::span<const std::uint8_t> content);

} // namespace godwit::mtproto
