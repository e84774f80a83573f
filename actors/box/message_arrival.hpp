#pragma once

#include "actors/box/box_core.hpp"
#include "actors/commands/people_commands.pb.h"

namespace godwit::box {

// Messages that come into the box from elsewhere. Each is one operation, and answers its ticket with the rows.

/// From another account's box. One of a blocked account leaves no trace.
void message_arrives(box_core& core, std::uint64_t ticket, user_id from, command::NewMessage&& what, unix_time now,
                     entity_effects& out);
/// From the service itself.
void notice_arrives(box_core& core, std::uint64_t ticket, const command::Notice& what, unix_time now,
                    entity_effects& out);

} // namespace godwit::box
