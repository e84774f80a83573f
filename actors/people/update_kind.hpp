#pragma once

#include <cstdint>

namespace godwit::people {

/// What happened to an account or its box. On disk: never renumber.
enum class update_kind : std::uint8_t {
  // with a pts
  new_message = 1,     ///< peer, id, on: written by the account itself
  edit_message = 2,    ///< peer, id
  delete_messages = 3, ///< peer, ids
  read_inbox = 4,      ///< peer, id, unread
  read_outbox = 5,     ///< peer, id
  pin_messages = 6,    ///< peer, ids, on

  // beside a pts
  draft = 32,           ///< peer
  notify_settings = 33, ///< peer, or 0 and id: a sort
  dialog_pinned = 34,   ///< peer, on
  pinned_dialogs = 35,
  unread_mark = 36,  ///< peer, on
  blocked = 37,      ///< peer, on
  user_changed = 38, ///< peer: name, username, contact
  privacy = 39,      ///< id: what it is about
};

} // namespace godwit::people
