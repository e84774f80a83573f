#pragma once

#include "actors/box/outgoing.hpp"
#include "protocol/tl/api/message_fn.hpp"

namespace godwit::box {

/// messages.forwardMessages as an operation. Errors: peer_id_invalid, chat_write_forbidden, message_ids_empty,
/// input_request_too_long, random_id_invalid, message_id_invalid, and those of what there is not.
rpc_result<send_operation_ptr> take_forward(const call_context& from, const tl::fn::messages_forwardMessages& call,
                                            const box_core& core);

/// Makes the messages that are forwarded out of the rows that they come from. Errors: message_id_invalid,
/// chat_forwards_restricted.
std::optional<rpc_errc> add_forwards(send_operation& what, const box_core& core);

} // namespace godwit::box
