#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/ids.hpp"
#include "protocol/mtproto/message/buffer.hpp"

namespace godwit::mtproto {

/// Names a connection to a session; its user numbers them and never gives a number twice. 0: none.
using connection_id = strong_id<struct connection_id_tag, std::uint64_t>;

/// error_code of bad_msg_notification and bad_server_salt.
/// Source: https://core.telegram.org/mtproto/service_messages_about_messages#notice-of-ignored-error-message
enum class bad_msg : std::uint8_t {
  none = 0,
  id_too_low = 16,
  id_too_high = 17,
  id_bits = 18,             ///< the two lowest bits of a client's msg_id are 0
  container_id_reused = 19, ///< a container with the id of an earlier message
  id_too_old = 20,          ///< cannot be told from one that was received before
  seqno_too_low = 32,
  seqno_too_high = 33,
  seqno_not_even = 34,
  seqno_not_odd = 35,
  salt = 48,
  container = 64,
};

/// What a client tells about itself by initConnection. Text of the client: not for logs.
struct client_info {
  std::int32_t api_id = 0;
  std::string device_model;
  std::string system_version;
  std::string app_version;
  std::string system_lang_code;
  std::string lang_pack;
  std::string lang_code;
};

/// A query for whoever uses the session; each is answered once, by server_session::answer.
struct call {
  msg_id id;
  connection_id connection;
  /// Of invokeWithLayer around this query or an earlier one of the session; 0: not known.
  layer_t layer = 0;
  /// Wrapped into invokeWithoutUpdates.
  bool without_updates = false;
  /// Set when this query was wrapped into initConnection.
  std::shared_ptr<const client_info> inited;
  /// The query without wrappers and unpacked. A part of the received buffer, or of one of its own.
  buffer_slice body;
};

/// What a session wants of whoever uses it.
struct session_event {
  enum class kind : std::uint8_t {
    /// The client wants `session` (another one of the same key) gone: answer_destroy_session.
    destroy_session,
    /// The client wants its key gone: answer_destroy_auth_key.
    destroy_auth_key,
    /// The client wants no answer of the call `id` any more (here `id` is the call's). Stopping the call is welcome, not needed; its
    /// answer is dropped.
    call_dropped,
    /// The client asked for the end of `connection` when no ping comes in time, and none came.
    connection_timed_out,
  };

  kind what = kind::call_dropped;
  /// Of the message that asked for it.
  msg_id id;
  session_id session;
  connection_id connection;
};

/// Why the connection a packet came on must be closed.
enum class close_reason : std::uint8_t {
  too_many_bad_messages = 1, ///< one refused message after the other
  output_flood,              ///< asks for more than it takes
};

/// Name for logs, e.g. "output_flood".
std::string_view to_string(close_reason reason);

/// What came of a packet, or of time passing. The user clears and re-uses it.
struct session_output {
  std::vector<call> calls;
  std::vector<session_event> events;
  std::optional<close_reason> close;

  void clear();
};

} // namespace godwit::mtproto
