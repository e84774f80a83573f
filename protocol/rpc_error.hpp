#pragma once

#include <cstdint>
#include <string>

#include "protocol/expected.hpp"

namespace godwit {

/// The errors of rpc_errors.def. Cross between nodes by their text, so the order means nothing.
enum class rpc_errc : std::uint16_t {
#define RPC_ERROR(name, code, text) name,
#include "protocol/rpc_errors.def"
#undef RPC_ERROR
};

/// What a call answers instead of its result.
struct rpc_error {
  rpc_errc errc = rpc_errc::method_invalid;
  /// Takes the place of %d in the text: seconds of FLOOD_WAIT_n.
  std::int32_t argument = 0;

  rpc_error() = default;
  rpc_error(rpc_errc what, std::int32_t with = 0) : errc(what), argument(with) {} // NOLINT: converts on purpose

  friend bool operator==(const rpc_error&, const rpc_error&) = default;
};

/// `error_code` of rpc_error on the wire.
std::int32_t code_of(rpc_errc what);
/// `error_message` of rpc_error on the wire.
std::string text_of(const rpc_error& what);

template <class T>
using rpc_result = expected<T, rpc_error>;

} // namespace godwit
