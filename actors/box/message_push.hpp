#pragma once

#include "actors/box/box_core.hpp"

namespace godwit::box {

/// Tells the sessions but one of a new message, each as its layer can express it.
void tell_new_message(box_core& core, user_id peer, message_id id, const Message& message, std::int32_t pts,
                      const entity::listener_id& but, unix_time now, entity_effects& out);

/// The update about it.
tl::box<tl::Update> new_message_update(user_id self, user_id peer, message_id id, const Message& message,
                                       std::int32_t pts, layer_t layer);

} // namespace godwit::box
