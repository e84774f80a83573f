#pragma once

#include <cstdint>
#include <string_view>

namespace godwit::tl {

/// Why bytes are not the object they were read as, or an object has no bytes.
enum class tl_errc : std::uint8_t {
  truncated = 1,       ///< the bytes end inside a value
  trailing_bytes,      ///< the bytes go on after the value
  unknown_constructor, ///< reading: a number that the type does not have; storing: the layer does not know the name
  too_deep,            ///< objects nested deeper than read_limits::depth
  too_large,           ///< a vector longer than its bytes, or objects above read_limits::memory
  invalid_utf8,        ///< a `string` of the API is not UTF-8
  missing_object,      ///< storing: a mandatory box is null
};

/// Name for logs, e.g. "truncated".
std::string_view to_string(tl_errc error);

} // namespace godwit::tl
