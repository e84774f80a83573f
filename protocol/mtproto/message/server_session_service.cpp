#include <algorithm>
#include <utility>

#include "config/limits.hpp"
#include "protocol/mtproto/message/constructors.hpp"
#include "protocol/mtproto/message/server_session.hpp"
#include "protocol/mtproto/message/service_bodies.hpp"
#include "protocol/tl/reader.hpp"

namespace godwit::mtproto {
namespace {

/// The lowest bits of a state, https://core.telegram.org/mtproto/service_messages_about_messages.
enum message_state : std::uint8_t {
  forgotten = 1,
  not_received = 2,
  not_received_too_high = 3,
  received = 4,
  state_mask = 7,
  acknowledged = 8,
  needs_no_acknowledgement = 16,
  query_known = 32,
  answer_made = 64,
};

/// A Vector<long> of ids in their order; nothing when it is broken or beyond the bound.
std::optional<std::vector<msg_id>> read_ids(tl::reader& in) {
  const std::size_t count = in.read_vector(8);
  if (!in.ok() || count > limits::ids_per_message_max) {
    return std::nullopt;
  }
  std::vector<msg_id> ids(count);
  for (msg_id& id : ids) {
    id = msg_id(static_cast<std::uint64_t>(in.read_long()));
  }
  return ids;
}

std::vector<msg_id> sorted(std::vector<msg_id> ids) {
  std::sort(ids.begin(), ids.end());
  return ids;
}

unix_time seconds(unix_ms time) { return static_cast<unix_time>(time / 1000); }

} // namespace

void server_session::receive_service(packet_context& context, msg_id id, const buffer_slice& body) {
  tl::reader in(body.bytes());
  bool good = true;
  bool is_function = true;
  switch (const std::uint32_t constructor = in.read_id()) {
  case constructor::ping:
  case constructor::ping_delay_disconnect:
    good = receive_ping(context, id, in, constructor == constructor::ping_delay_disconnect);
    break;
  case constructor::msgs_ack: receive_acks(in); break;
  case constructor::msgs_all_info: receive_all_info(in); break;
  case constructor::msgs_state_req: good = receive_state_request(context, id, in); break;
  case constructor::msg_resend_req:
  case constructor::msg_resend_ans_req:
    good = receive_resend_request(context, id, in, constructor == constructor::msg_resend_ans_req);
    break;
  case constructor::get_future_salts: good = receive_future_salts(context, id, in); break;
  case constructor::destroy_session: good = receive_destroy_session(context, id, in); break;
  case constructor::destroy_auth_key: {
    session_event event;
    event.what = session_event::kind::destroy_auth_key;
    event.id = id;
    event.connection = context.connection;
    context.out.events.push_back(event);
    break;
  }
  case constructor::rpc_drop_answer: good = receive_drop_answer(context, id, in); break;
  default:
    // What a client says about messages that the server did not ask about, and http_wait, which means
    // nothing here.
    is_function = false;
    break;
  }
  if (is_function && !good) {
    keep_answer(id, body::rpc_error(code_of(rpc_errc::input_request_invalid), text_of(rpc_errc::input_request_invalid)),
                true, context.now);
  }
}

bool server_session::receive_ping(packet_context& context, msg_id id, tl::reader& in, bool delay_disconnect) {
  const auto ping_id = static_cast<std::uint64_t>(in.read_long());
  const std::int32_t delay = delay_disconnect ? in.read_int() : 0;
  if (!in.finish()) {
    return false;
  }
  notify(context, body::pong(id, ping_id));
  if (delay > 0) {
    for (attached& one : connections_) {
      if (one.id == context.connection) {
        one.disconnect_at = context.now + std::int64_t{1000} * std::min(delay, limits::ping_disconnect_seconds_max);
      }
    }
  }
  return true;
}

bool server_session::receive_acks(tl::reader& in) {
  auto ids = read_ids(in);
  if (ids) {
    outbox_.acknowledge(sorted(std::move(*ids)));
  }
  return ids.has_value();
}

bool server_session::receive_all_info(tl::reader& in) {
  const auto ids = read_ids(in);
  const std::string_view states = in.read_bytes();
  if (!ids || !in.ok() || states.size() != ids->size()) {
    return false;
  }
  // What the client says that it received it need not acknowledge besides.
  std::vector<msg_id> arrived;
  for (std::size_t i = 0; i < ids->size(); ++i) {
    if ((static_cast<std::uint8_t>(states[i]) & state_mask) == received) {
      arrived.push_back((*ids)[i]);
    }
  }
  outbox_.acknowledge(sorted(std::move(arrived)));
  return true;
}

bool server_session::receive_state_request(packet_context& context, msg_id id, tl::reader& in) {
  const auto ids = read_ids(in);
  if (!ids || !in.finish()) {
    return false;
  }
  send_states(context, id, *ids);
  return true;
}

void server_session::send_states(packet_context& context, msg_id request, ids_view ids) {
  notify(context, body::msgs_state_info(request, states_of(ids)));
}

std::string server_session::states_of(ids_view ids) const {
  const auto waiting = sorted(acks_);
  const msg_id highest = received_.highest();
  std::string states;
  states.reserve(ids.size());
  for (const msg_id id : ids) {
    unsigned state = 0;
    if (const auto known = received_.find(id)) {
      state = received;
      if ((known->seqno & 1) == 0) {
        state |= needs_no_acknowledgement;
      } else if (!std::binary_search(waiting.begin(), waiting.end(), id)) {
        state |= acknowledged;
      }
      if (known->kind == received_kind::call || known->kind == received_kind::failed_call) {
        state |= query_known | (calls_.contains(id) ? 0U : static_cast<unsigned>(answer_made));
      }
    } else if (id > highest) {
      state = not_received_too_high;
    } else {
      state = id <= received_.floor() ? forgotten : not_received;
    }
    states.push_back(static_cast<char>(state));
  }
  return states;
}

bool server_session::receive_resend_request(packet_context& context, msg_id id, tl::reader& in, bool of_answers) {
  const auto ids = read_ids(in);
  if (!ids || !in.finish()) {
    return false;
  }
  auto wanted = sorted(*ids);
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  // The state of all of them tells about those that are not there any more.
  if (outbox_.requeue(wanted, of_answers) < wanted.size()) {
    send_states(context, id, *ids);
  }
  return true;
}

bool server_session::receive_future_salts(packet_context& context, msg_id id, tl::reader& in) {
  const std::int32_t wanted = in.read_int();
  if (!in.finish()) {
    return false;
  }
  // One request of a packet gets as many as it wants: each salt costs a hash.
  const bool told = std::exchange(context.salts_told, true);
  notify(context, server_salts::future_salts(*key_, id, told ? 1 : wanted, seconds(context.now)));
  return true;
}

bool server_session::receive_destroy_session(packet_context& context, msg_id id, tl::reader& in) {
  const session_id wanted(static_cast<std::uint64_t>(in.read_long()));
  if (!in.finish()) {
    return false;
  }
  // A client cannot end the session it speaks in.
  if (wanted == id_) {
    answer_destroy_session(context.connection, wanted, false);
    return true;
  }
  session_event event;
  event.what = session_event::kind::destroy_session;
  event.id = id;
  event.session = wanted;
  event.connection = context.connection;
  context.out.events.push_back(event);
  return true;
}

bool server_session::receive_drop_answer(packet_context& context, msg_id id, tl::reader& in) {
  const msg_id dropped(static_cast<std::uint64_t>(in.read_long()));
  if (!in.finish()) {
    return false;
  }
  std::string result;
  if (calls_.contains(dropped)) {
    // Both the query and this request are answered so.
    result = body::bare(constructor::rpc_answer_dropped_running);
    finish(dropped, result, true, context.now, context.out);
    session_event event;
    event.what = session_event::kind::call_dropped;
    event.id = dropped;
    event.connection = context.connection;
    context.out.events.push_back(event);
  } else if (const kept_message* answer = outbox_.find_answer(dropped)) {
    result = body::rpc_answer_dropped(answer->id, answer->seqno, answer->wire_bytes());
    outbox_.erase_answer(dropped);
  } else {
    result = body::bare(constructor::rpc_answer_unknown);
  }
  keep_answer(id, std::move(result), false, context.now);
  return true;
}

void server_session::answer_destroy_session(connection_id connection, session_id session, bool existed) {
  notify(connection, body::destroy_session_result(session, existed), msg_origin::server_response);
}

void server_session::answer_destroy_auth_key(connection_id connection, destroy_result result) {
  std::uint32_t constructor = constructor::destroy_auth_key_fail;
  if (result == destroy_result::ok) {
    constructor = constructor::destroy_auth_key_ok;
  } else if (result == destroy_result::none) {
    constructor = constructor::destroy_auth_key_none;
  }
  notify(connection, body::bare(constructor), msg_origin::server_response);
}

} // namespace godwit::mtproto
