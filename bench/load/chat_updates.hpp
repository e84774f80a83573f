#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "protocol/tl/api/forward.hpp"
#include "protocol/tl/object.hpp"

namespace godwit::bench {

/// A message of a box, as its owner's client hears of it.
struct heard_message {
  std::int32_t id = 0;
  bool out = false;
  /// 0: it came without one, in a difference or a history.
  std::int32_t pts = 0;
  std::string_view text;
};

/// What a client reads out of an object of type Updates, updates.Difference or messages.Messages.
struct heard {
  /// It could not be read, or is another type.
  bool broken = false;
  /// updatesTooLong: there is something to fetch.
  bool too_long = false;
  std::vector<heard_message> messages;
  /// pts of changes that are no messages.
  std::vector<std::int32_t> other_pts;
  /// Of an answer to messages.sendMessage: the message's id and pts. 0: it is none.
  std::int32_t sent_id = 0;
  std::int32_t sent_pts = 0;
  /// Of a difference: where it leads, and whether there is more.
  std::int32_t state_pts = 0;
  bool is_slice = false;

  /// Owns the texts.
  tl::box<tl::object> owner;
};

heard read_updates(std::span<const std::uint8_t> bytes);
heard read_difference(std::span<const std::uint8_t> bytes);
heard read_history_page(std::span<const std::uint8_t> bytes);

} // namespace godwit::bench
