#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/ids.hpp"

namespace godwit::box {

/// Number of a message in one box: 1, 2, 3 … in all of its dialogs together.
using message_id = std::int32_t;

// Sub-keys of the rows of a box, as docs/formats.md tells them: numbers with the most significant byte first, so that
// they sort as numbers do.

/// dialog, draft, unread_mark: a peer. Its sign bit is turned, for peers below 0 to come first.
std::string peer_key(user_id peer);
/// message, message_pinned: a peer and an id; message_origin: a peer and the peer's id.
std::string message_key(user_id peer, message_id id);
/// message_place.
std::string place_key(message_id id);
/// update: what moved the pts to this is at 0, what happened beside it at 1 and on.
std::string update_key(std::int32_t pts, std::int32_t beside = 0);
/// message_sent: the day since 1970, and the random_id.
std::string sent_key(std::int32_t day, std::int64_t random_id);
/// dialog_order: ids of newest messages in steps of 256, so that it seldom changes, and the peer.
std::string order_key(message_id top, user_id peer);

/// The first sub-key behind all that begin with this; of a peer's messages, say.
std::string behind(std::string key);

struct message_place {
  user_id peer;
  message_id id = 0;
};
/// Nothing for bytes of another length.
std::optional<message_place> read_message_key(std::string_view key);
std::optional<user_id> read_peer_key(std::string_view key);
std::optional<message_id> read_place_key(std::string_view key);
struct update_place {
  std::int32_t pts = 0;
  std::int32_t beside = 0;
};
std::optional<update_place> read_update_key(std::string_view key);
struct sent_place {
  std::int32_t day = 0;
  std::int64_t random_id = 0;
};
std::optional<sent_place> read_sent_key(std::string_view key);
struct order_place {
  message_id first = 0; ///< of the 256 ids
  user_id peer;
};
std::optional<order_place> read_order_key(std::string_view key);

} // namespace godwit::box
