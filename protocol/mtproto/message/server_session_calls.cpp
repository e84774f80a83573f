#include <algorithm>
#include <utility>

#include "config/limits.hpp"
#include "protocol/mtproto/message/gzip.hpp"
#include "protocol/mtproto/message/server_session.hpp"
#include "protocol/mtproto/message/service_bodies.hpp"
#include "protocol/mtproto/message/wrappers.hpp"

namespace godwit::mtproto {
namespace {

std::string body_of(const rpc_error& error) { return body::rpc_error(code_of(error.errc), text_of(error)); }

rpc_errc error_of(unwrap_errc error) {
  switch (error) {
  case unwrap_errc::too_large: return rpc_errc::input_request_too_long;
  case unwrap_errc::layer: return rpc_errc::connection_layer_invalid;
  case unwrap_errc::malformed: break;
  }
  return rpc_errc::input_request_invalid;
}

} // namespace

void server_session::receive_call(packet_context& context, msg_id id, const buffer_slice& body) {
  auto query = unwrap(body, context.unpack_budget);
  if (!query) {
    keep_answer(id, body_of(error_of(query.error())), true, context.now);
    return;
  }
  if (calls_.size() >= limits::session_calls_hard_max) {
    keep_answer(id, body_of(rpc_error(rpc_errc::flood_wait, 1)), true, context.now);
    return;
  }
  if (query->layer != 0) {
    layer_ = query->layer;
  }
  if (query->client) {
    client_ = query->client;
  }
  mtproto::call made;
  made.id = id;
  made.connection = context.connection;
  made.layer = layer_;
  made.without_updates = query->without_updates;
  made.inited = std::move(query->client);
  made.body = std::move(query->body);
  bool failed = false;
  if (wait_for(context, made, query->after, failed)) {
    return;
  }
  if (failed) {
    keep_answer(id, body_of(rpc_errc::msg_wait_failed), true, context.now);
    return;
  }
  calls_.add(id);
  context.out.calls.push_back(std::move(made));
}

/// True: the call waits. `failed`: it cannot.
bool server_session::wait_for(packet_context& context, mtproto::call& query, const std::vector<msg_id>& after,
                              bool& failed) {
  std::vector<msg_id> running;
  for (const msg_id id : after) {
    if (calls_.contains(id)) {
      if (std::find(running.begin(), running.end(), id) == running.end()) {
        running.push_back(id);
      }
      continue;
    }
    const auto known = received_.find(id);
    // Its own id is known too by now, but it cannot have ended.
    if (!known || known->kind != received_kind::call || id == query.id) {
      failed = true;
      return false;
    }
  }
  if (running.empty()) {
    return false;
  }
  if (calls_.waiting_bytes() + query.body.size() > limits::waiting_calls_bytes_max) {
    failed = true;
    return false;
  }
  auto waiting = std::make_unique<waiting_call>();
  const msg_id id = query.id;
  waiting->call = std::move(query);
  waiting->after = std::move(running);
  waiting->give_up_at = context.now + limits::invoke_after_ms_max;
  calls_.add(id, std::move(waiting));
  return true;
}

bool server_session::answer(msg_id call, payload result, unix_ms now, session_output& out, packing pack) {
  if (!calls_.contains(call)) {
    return false;
  }
  if (pack == packing::when_smaller && result.size() >= limits::packed_bytes_min) {
    if (auto packed = pack_object(result.bytes())) {
      result = std::move(*packed);
    }
  }
  return finish(call, std::move(result), false, now, out);
}

bool server_session::answer(msg_id call, const rpc_error& error, unix_ms now, session_output& out) {
  return finish(call, body_of(error), true, now, out);
}

bool server_session::finish(msg_id call, payload result, bool failed, unix_ms now, session_output& out) {
  if (!calls_.take(call)) {
    return false;
  }
  keep_answer(call, std::move(result), failed, now);
  release_waiting(call, failed, now, out);
  return true;
}

void server_session::keep_answer(msg_id call, payload result, bool failed, unix_ms now) {
  if (failed) {
    received_.set_kind(call, received_kind::failed_call);
  }
  kept_message made;
  made.request = call;
  made.since = now;
  made.body = std::move(result);
  if (!outbox_.add(std::move(made))) {
    // The client reads slower than it asks.
    made.body = body_of(rpc_error(rpc_errc::flood_wait, 1));
    outbox_.add(std::move(made), true);
  }
}

void server_session::release_waiting(msg_id ended, bool failed, unix_ms now, session_output& out) {
  if (!failed) {
    for (mtproto::call& ready : calls_.release(ended)) {
      out.calls.push_back(std::move(ready));
    }
    return;
  }
  // One that failed takes along what waits for it, and what waits for that.
  std::vector<msg_id> failures{ended};
  while (!failures.empty()) {
    const msg_id last = failures.back();
    failures.pop_back();
    for (const msg_id waiting : calls_.waiting_for(last)) {
      calls_.take(waiting);
      keep_answer(waiting, body_of(rpc_errc::msg_wait_failed), true, now);
      failures.push_back(waiting);
    }
  }
}

push_result server_session::push(payload body, unix_ms now, bool last_resort) {
  // Beside the bound there is room for a few last resorts.
  constexpr std::size_t last_resorts = 8;
  const std::size_t most = limits::kept_pushes_max + (last_resort ? last_resorts : 0);
  if (outbox_.pushes() >= most ||
      (!last_resort && outbox_.push_bytes() + body.size() > limits::kept_pushes_bytes_max)) {
    return push_result::full;
  }
  kept_message made;
  made.since = now;
  made.body = std::move(body);
  made.is_update = true;
  return outbox_.add(std::move(made), last_resort) ? push_result::queued : push_result::full;
}

} // namespace godwit::mtproto
