#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "actors/box/box_core.hpp"
#include "actors/box/box_settings.hpp"
#include "protocol/tl/api/forward.hpp"
#include "protocol/tl/object.hpp"

namespace godwit::box {

/// Something that happened to the box, with what it is about as that is now.
struct found_update {
  update_place at;
  persistence::records::Update row;
  std::optional<Message> message;                             ///< of a new or an edited one that is still there
  std::optional<persistence::records::Draft> draft;           ///< of update_kind::draft, where there is one
  std::optional<persistence::records::NotifySettings> notify; ///< of update_kind::notify_settings about a sort
};

/// Part of what happened to the box, in its order.
struct update_page {
  persistence::records::UserBox box; ///< when it was read
  std::vector<found_update> updates;
  std::vector<user_id> whom;
  /// Behind the last of these updates: the box's pts, or less when there are more.
  std::int32_t pts = 0;
  bool more = false;
};

/// How much of it is read.
struct update_bounds {
  std::size_t moving = 0; ///< updates with a pts
  std::size_t bytes = 0;  ///< on the wire, about; one with a pts is read at least
  /// Updates beside one pts, which may also take half of `bytes`: the newest are left. Many beside several end the page.
  std::size_t beside = 0;
  /// Of updates without a pts, those that are at least as new.
  unix_time beside_since = 0;
};

/// What came after `pts`, and beside it. Of several updates without a pts about the same thing the last one is left.
void read_updates(entity::row_reader& reader, user_id self, std::int32_t pts, const update_bounds& bounds,
                  update_page& page);

/// Sets the numbers of what is still unread after each reading to what a client counts that was told these updates:
/// messages that came and went meanwhile it never sees. `messages_first`: it takes all new messages before the rest.
/// One that came in an earlier slice of a difference and was read past before it went stays counted until the next
/// reading: the slice does not know of it.
void count_unread(std::vector<found_update>& updates, bool messages_first);

/// Null: the layer has nothing to tell of it. What became of a message that is no more is told as its deletion, with
/// the same pts, so that nobody misses a number.
tl::box<tl::Update> update_view(const found_update& what, const box_core& core, const box_settings& settings,
                                layer_t layer, unix_time now);

} // namespace godwit::box
