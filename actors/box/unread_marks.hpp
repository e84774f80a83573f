#pragma once

#include "actors/box/box_core.hpp"

namespace godwit::box {

/// Marks a dialog as unread, or takes the mark away, in this row, which the caller puts afterwards; tells the other
/// sessions. Part of an operation that holds the dialog. Does nothing when it is so already.
void set_unread_mark(box_core& core, user_id peer, bool unread, Dialog& dialog, const people::listener_id& but,
                     unix_time now, entity_effects& out);

} // namespace godwit::box
