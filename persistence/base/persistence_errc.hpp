#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "protocol/expected.hpp"

namespace godwit::persistence {

enum class persistence_errc : std::uint8_t {
  ok = 0,
  not_found = 1,    ///< no such folder, shard, entry or row
  busy,             ///< another process uses the folder, or a bound is reached
  no_space,         ///< disk or map limit is full; writes wait until there is room
  read_only,        ///< the folder or file system cannot be written
  io_error,         ///< the disk failed a read, write or sync; the node has to stop
  corrupt,          ///< a checksum or structure does not hold
  format_unknown,   ///< written by a version this one cannot read
  invalid_argument, ///< the caller broke a bound that the docstring names
  stopped,          ///< the store was closed or has failed before
};

std::string_view to_string(persistence_errc code);

/// What went wrong, where, and what to do about it: one sentence each, for the operator.
struct storage_error {
  persistence_errc code = persistence_errc::ok;
  std::string message; ///< names the folder and the remedy; never holds stored values
};

template <class T>
using storage_result = expected<T, storage_error>;

inline unexpected<storage_error> fail(persistence_errc code, std::string message) {
  return unexpected<storage_error>(storage_error{code, std::move(message)});
}

} // namespace godwit::persistence
