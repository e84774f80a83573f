#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "protocol/ids.hpp"
#include "protocol/mtproto/message/types.hpp"

/// Bodies of the service messages that either side makes.
/// Source: https://core.telegram.org/mtproto/service_messages and service_messages_about_messages
namespace godwit::mtproto::body {

std::string rpc_error(std::int32_t code, std::string_view text);
std::string bad_msg_notification(msg_id id, std::uint32_t seqno, bad_msg code);
std::string bad_server_salt(msg_id id, std::uint32_t seqno, std::uint64_t salt);
std::string new_session_created(msg_id first, std::uint64_t unique_id, std::uint64_t salt);
std::string pong(msg_id request, std::uint64_t ping_id);
std::string msgs_state_info(msg_id request, std::string_view info);
/// msg_detailed_info for an answer (`request` set), msg_new_detailed_info for anything else.
std::string detailed_info(msg_id request, msg_id answer, std::size_t bytes);
std::string rpc_answer_dropped(msg_id answer, std::uint32_t seqno, std::size_t bytes);
std::string destroy_session_result(session_id session, bool existed);
/// A constructor and a Vector<long>: msgs_ack, msgs_state_req, msg_resend_req.
std::string with_ids(std::uint32_t constructor, std::span<const msg_id> ids);
/// A constructor alone, or with one long behind it.
std::string bare(std::uint32_t constructor);
std::string with_long(std::uint32_t constructor, std::uint64_t value);

} // namespace godwit::mtproto::body
