#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "protocol/expected.hpp"
#include "protocol/ids.hpp"
#include "protocol/mtproto/message/buffer.hpp"
#include "protocol/mtproto/message/types.hpp"

namespace godwit::mtproto {

/// A query without what was around it.
struct unwrapped_query {
  /// 0: no invokeWithLayer.
  layer_t layer = 0;
  bool without_updates = false;
  /// Null: no initConnection.
  std::shared_ptr<const client_info> client;
  /// Calls that must end well first.
  std::vector<msg_id> after;
  buffer_slice body;
};

enum class unwrap_errc : std::uint8_t {
  malformed = 1,
  too_large, ///< unpacks to more than is left of the budget
  layer,     ///< invokeWithLayer of no possible layer
};

/// Takes off invokeWithLayer, initConnection, invokeAfterMsg(s), invokeWithoutUpdates and gzip_packed in
/// any order, at most limits::wrappers_max of them. `budget`: bytes that may still be unpacked; lessened.
/// Source: https://core.telegram.org/api/invoking
expected<unwrapped_query, unwrap_errc> unwrap(buffer_slice query, std::size_t& budget);

} // namespace godwit::mtproto
