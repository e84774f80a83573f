#include <algorithm>
#include <utility>

#include "config/limits.hpp"
#include "protocol/mtproto/message/client_session.hpp"
#include "protocol/mtproto/message/constructors.hpp"
#include "protocol/mtproto/message/gzip.hpp"
#include "protocol/tl/reader.hpp"

namespace godwit::mtproto {
namespace {

constexpr std::size_t seen_max = 2048;

std::uint32_t constructor_of(const buffer_slice& body) { return tl::reader(body.bytes()).peek_id(); }

msg_id read_msg_id(tl::reader& in) { return msg_id(static_cast<std::uint64_t>(in.read_long())); }

bool is_pong_or_other_service(std::uint32_t id) {
  switch (id) {
  case constructor::future_salts:
  case constructor::msgs_state_info:
  case constructor::msgs_all_info:
  case constructor::msgs_state_req:
  case constructor::destroy_session_ok:
  case constructor::destroy_session_none:
  case constructor::destroy_auth_key_ok:
  case constructor::destroy_auth_key_none:
  case constructor::destroy_auth_key_fail: return true;
  default: return false;
  }
}

} // namespace

bool client_session::first_sight(msg_id id) {
  // What is older than all that is remembered was seen, too.
  if (seen_.size() >= seen_max && id < *seen_.begin()) {
    return false;
  }
  if (!seen_.insert(id).second) {
    return false;
  }
  if (seen_.size() > seen_max) {
    seen_.erase(seen_.begin());
  }
  return true;
}

void client_session::receive(const inner_message& packet, unix_ms now, client_output& out) {
  const std::uint64_t origin = packet.id.value() & 3;
  if (packet.session != id_ || (origin != 1 && origin != 3)) {
    out.broken = true;
    return;
  }
  if (constructor_of(packet.body) == constructor::msg_container) {
    if (first_sight(packet.id)) {
      receive_container(packet.id, packet.body, now, out);
    }
    return;
  }
  receive_one(packet.id, packet.seqno, packet.body, now, out);
}

void client_session::receive_container(msg_id id, const buffer_slice& body, unix_ms now, client_output& out) {
  tl::reader in(body.bytes());
  in.read_id();
  for (std::size_t left = in.read_count(16); left > 0; --left) {
    const msg_id inner = read_msg_id(in);
    const std::uint32_t seqno = in.read_id();
    const auto content = in.read_raw(in.read_id());
    if (!in.ok() || inner >= id || (inner.value() & 1) == 0) {
      out.broken = true;
      return;
    }
    receive_one(inner, seqno, body.at(content), now, out);
  }
  out.broken = out.broken || !in.finish();
}

void client_session::receive_one(msg_id id, std::uint32_t seqno, const buffer_slice& body, unix_ms now,
                                 client_output& out) {
  if ((seqno & 1) != 0) {
    acks_.push_back(id);
  }
  if (!first_sight(id)) {
    return;
  }
  tl::reader in(body.bytes());
  switch (const std::uint32_t constructor = in.read_id()) {
  case constructor::rpc_result: receive_result(body, out); return;
  case constructor::bad_msg_notification:
  case constructor::bad_server_salt: receive_bad_msg(body, id, now, out); return;
  case constructor::new_session_created: receive_new_session(body, out); return;
  case constructor::pong:
    in.read_long();
    out.pongs.push_back(static_cast<std::uint64_t>(in.read_long()));
    return;
  case constructor::msg_detailed_info:
  case constructor::msg_new_detailed_info:
    receive_detailed_info(body, constructor == constructor::msg_detailed_info);
    return;
  case constructor::msgs_ack: return;
  case constructor::msg_container: out.broken = true; return;
  default: (is_pong_or_other_service(constructor) ? out.service : out.pushes).push_back(body);
  }
}

void client_session::receive_result(const buffer_slice& body, client_output& out) {
  tl::reader in(body.bytes());
  in.read_id();
  const auto found = sent_.find(read_msg_id(in));
  if (!in.ok() || found == sent_.end()) {
    return;
  }
  client_answer answer;
  answer.call = found->second;
  answer.result = body.at(in.rest());
  if (constructor_of(answer.result) == constructor::gzip_packed) {
    auto content = unpack_object(answer.result.bytes(), limits::unpacked_bytes_max);
    if (!content) {
      out.broken = true;
      return;
    }
    answer.result = std::move(*content);
  }
  if (constructor_of(answer.result) == constructor::rpc_error) {
    tl::reader error(answer.result.bytes());
    error.read_id();
    answer.is_error = true;
    answer.error_code = error.read_int();
    answer.error_text = error.read_bytes();
  }
  end_call(answer.call, std::move(answer), out);
}

void client_session::end_call(client_call call, client_answer answer, client_output& out) {
  const auto ended = calls_.find(call);
  if (ended == calls_.end()) {
    return;
  }
  // The id it waited for may be one that the server never accepted: without a failed call before it, it goes again.
  if (answer.error_text == "MSG_WAIT_FAILED" && ended->second.after && !ended->second.after_failed) {
    send_under_new_id(call);
    return;
  }
  for (auto& [name, other] : calls_) {
    other.after_failed = other.after_failed || (answer.is_error && other.after == call);
  }
  queued_calls_ -= ended->second.queued ? 1 : 0;
  calls_.erase(ended);
  std::erase_if(sent_, [call](const auto& one) { return one.second == call; });
  out.answers.push_back(std::move(answer));
}

void client_session::receive_bad_msg(const buffer_slice& body, msg_id notice, unix_ms now, client_output& out) {
  tl::reader in(body.bytes());
  const bool is_salt = in.read_id() == constructor::bad_server_salt;
  const msg_id bad = read_msg_id(in);
  in.read_int();
  const auto code = static_cast<bad_msg>(in.read_int());
  if (is_salt) {
    salt_ = static_cast<std::uint64_t>(in.read_long());
  }
  if (!in.finish()) {
    out.broken = true;
    return;
  }
  if (code == bad_msg::id_too_low || code == bad_msg::id_too_high) {
    clock_offset_ms_ = time_of(notice) - now;
    ids_ = msg_id_source();
  } else if (code == bad_msg::seqno_too_low) {
    content_sent_ += 64;
  }
  // A wrong salt says nothing against the id, under which the query may have come in earlier.
  send_again(bad, !is_salt);
  out.service.push_back(body);
}

void client_session::receive_new_session(const buffer_slice& body, client_output& out) {
  tl::reader in(body.bytes());
  in.read_id();
  const msg_id first = read_msg_id(in);
  in.read_long();
  salt_ = static_cast<std::uint64_t>(in.read_long());
  out.new_session = true;
  for (auto& [name, which] : calls_) {
    if (which.id != msg_id{} && which.id < first) {
      // In a container the old id does, and an answer that is already on its way fits it.
      queue(which);
    }
  }
}

void client_session::receive_detailed_info(const buffer_slice& body, bool of_answer) {
  tl::reader in(body.bytes());
  in.read_id();
  const bool wanted = !of_answer || sent_.contains(read_msg_id(in));
  const msg_id answer = read_msg_id(in);
  if (wanted && !seen_.contains(answer)) {
    resend_requests_.push_back(answer);
  } else {
    acks_.push_back(answer);
  }
}

} // namespace godwit::mtproto
