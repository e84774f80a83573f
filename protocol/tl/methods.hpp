#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "protocol/expected.hpp"
#include "protocol/ids.hpp"
#include "protocol/tl/error.hpp"

namespace godwit::tl {

class reader;

namespace fn {
struct function;
}

/// What can be told of a call by its first four bytes.
struct method_info {
  std::uint32_t constructor; ///< of this variant
  std::uint32_t kind;        ///< `kind_id` of the function's class: the same for all its variants
  std::uint16_t index;       ///< of the function in method_names(): for tables and counters
  std::int16_t first_layer;  ///< of this variant
  std::int16_t last_layer;
  bool is_wrapper;       ///< carries another call, as invokeWithLayer does: its class has `query`
  std::string_view name; ///< as in the schema, "auth.sendCode"; lives forever
};

/// Null: no function of any layer has this number.
const method_info* find_method(std::uint32_t constructor);

/// Names of all functions, sorted; a method_info's index points here.
std::span<const std::string_view> method_names();

/// Parses a whole call. trailing_bytes when something follows it. The `query` of a wrapper points into
/// the reader's input.
expected<std::unique_ptr<fn::function>, tl_errc> fetch_function(reader& in);

} // namespace godwit::tl
