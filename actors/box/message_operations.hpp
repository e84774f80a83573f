#pragma once

#include "actors/box/box_core.hpp"
#include "actors/commands/people_commands.pb.h"
#include "protocol/tl/api/forward.hpp"

namespace godwit::tl::fn {
struct messages_deleteHistory;
struct messages_deleteMessages;
struct messages_editMessage;
struct messages_readHistory;
struct messages_unpinAllMessages;
struct messages_updatePinnedMessage;
} // namespace godwit::tl::fn

namespace godwit::box {

// The operations of message_changes, each in the file of its sort. Calls are answered, arrivals accepted, by the
// operation itself.

/// What a delivery is accepted as: its ticket, and the account that it came from.
struct arrival {
  std::uint64_t ticket = 0;
  user_id from;
};

// message_edits.cpp
void edit_message(box_core& core, const call_context& from, const tl::fn::messages_editMessage& what,
                  entity_effects& out);
void edited(box_core& core, const arrival& by, const command::EditedMessage& what, unix_time now, entity_effects& out);

// message_deletions.cpp, history_deletions.cpp
void delete_messages(box_core& core, const call_context& from, const tl::fn::messages_deleteMessages& what,
                     entity_effects& out);
void delete_history(box_core& core, const call_context& from, const tl::fn::messages_deleteHistory& what,
                    entity_effects& out);
void deleted(box_core& core, const arrival& by, const command::DeletedMessages& what, unix_time now,
             entity_effects& out);

// message_readings.cpp
void read_history(box_core& core, const call_context& from, const tl::fn::messages_readHistory& what,
                  entity_effects& out);
void read_by_peer(box_core& core, const arrival& by, const command::ReadMessages& what, unix_time now,
                  entity_effects& out);

// message_pins.cpp
void update_pinned(box_core& core, const call_context& from, const tl::fn::messages_updatePinnedMessage& what,
                   entity_effects& out);
void unpin_all(box_core& core, const call_context& from, const tl::fn::messages_unpinAllMessages& what,
               entity_effects& out);
void pinned_by_peer(box_core& core, const arrival& by, const command::PinnedMessages& what, unix_time now,
                    entity_effects& out);

} // namespace godwit::box
