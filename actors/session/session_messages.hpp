#pragma once

#include <caf/allowed_unsafe_message_type.hpp>

#include <vector>

#include "actors/auth/auth_keys.hpp"
#include "actors/session/connection_link.hpp"
#include "protocol/mtproto/message/envelope.hpp"

namespace godwit::actors {

// What session actors are told. Never leaves the node.

/// One authentic packet; `message` shares the buffer that it was decrypted in.
struct session_packet {
  connection_link_ptr from;
  mtproto::inner_message message;
};

/// From the gateway: what one round brought for this session.
struct session_packets {
  std::vector<session_packet> packets;
};

/// From the gateway, in order behind the connection's last packet.
struct connection_gone {
  mtproto::connection_id id;
};

/// From the gateway: a connection that was too slow takes more.
struct connection_drained {
  mtproto::connection_id id;
};

/// From the session's own timer.
struct session_tick {};

/// From itself, behind everything its mailbox held when it was about to end.
struct session_last_call {};

/// From auth_keys: what is known of its key was brought up to date, for a flow or for calls.
struct key_refreshed {
  key_answer answer = key_answer::unavailable;
  bool for_flow = false;
};

/// From the gateway: nothing more comes; end when every call is answered.
struct session_drain {};

/// End: the client or the operator wants it, the key is gone, or the node stops. Answers that are there go
/// out first.
struct session_end {
  /// Its connections end as well; else they may begin another session.
  bool close_connections = true;
  transport_error why = transport_error::none;
};

} // namespace godwit::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(godwit::actors::session_packets)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(godwit::actors::connection_gone)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(godwit::actors::connection_drained)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(godwit::actors::session_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(godwit::actors::session_last_call)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(godwit::actors::key_refreshed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(godwit::actors::session_drain)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(godwit::actors::session_end)
