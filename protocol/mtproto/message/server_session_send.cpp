#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "config/limits.hpp"
#include "protocol/mtproto/message/constructors.hpp"
#include "protocol/mtproto/message/little_endian.hpp"
#include "protocol/mtproto/message/server_session.hpp"
#include "protocol/mtproto/message/service_bodies.hpp"
#include "protocol/tl/reader.hpp"

namespace godwit::mtproto {
namespace {

constexpr std::size_t container_header_bytes = 8;
constexpr std::size_t part_header_bytes = 16;
constexpr std::size_t rpc_result_header_bytes = 12;

} // namespace

/// A message on its way into a packet.
struct server_session::outgoing {
  msg_id id;
  std::uint32_t seqno = 0;
  msg_origin origin = msg_origin::server;
  /// Set: it stands inside rpc_result.
  msg_id request;
  /// Sent before under this id, so it cannot be the packet itself.
  bool repeated = false;
  std::string own;
  std::span<const std::uint8_t> kept;

  [[nodiscard]] std::span<const std::uint8_t> content() const {
    return own.empty() ? kept : std::span(reinterpret_cast<const std::uint8_t*>(own.data()), own.size());
  }
  [[nodiscard]] std::size_t bytes() const {
    return content().size() + (request == msg_id{} ? 0 : rpc_result_header_bytes);
  }
  std::uint8_t* write(std::uint8_t* at) const {
    if (request != msg_id{}) {
      store_u32(at, constructor::rpc_result);
      store_u64(at + 4, request.value());
      at += rpc_result_header_bytes;
    }
    const auto body = content();
    if (!body.empty()) {
      std::memcpy(at, body.data(), body.size());
    }
    return at + body.size();
  }
};

void server_session::notify(connection_id connection, std::string body, msg_origin origin) {
  notice_bytes_ += body.size();
  notices_.push_back({connection, origin, std::move(body)});
}

void server_session::notify(packet_context& context, std::string body) {
  if (notice_bytes_ + body.size() > limits::notices_bytes_hard_max) {
    context.out.close = close_reason::output_flood;
    return;
  }
  notify(context.connection, std::move(body), msg_origin::server_response);
}

bool server_session::acks_due(unix_ms now) const {
  return acks_.size() >= limits::acks_waiting_max || (!acks_.empty() && now >= acks_since_ + limits::ack_delay_ms);
}

bool server_session::has_output(connection_id connection, unix_ms now) const {
  if (connection == current_ && connection != connection_id{} && (outbox_.unsent() > 0 || acks_due(now))) {
    return true;
  }
  return std::any_of(notices_.begin(), notices_.end(),
                     [connection](const notice& one) { return one.connection == connection; });
}

void server_session::gather(connection_id connection, unix_ms now, std::vector<outgoing>& batch) {
  std::size_t bytes = 0;
  // One place is left for acknowledgements.
  const auto has_room = [&](std::size_t more) {
    return batch.empty() ||
           (batch.size() < limits::container_messages_max - 1 && bytes + more <= limits::container_bytes_max);
  };
  const auto add = [&](outgoing made) {
    bytes += made.bytes() + part_header_bytes;
    batch.push_back(std::move(made));
  };

  // Answers about messages go ahead of results: they are small, and some are waited for with a clock.
  std::erase_if(notices_, [&](notice& one) {
    if (one.connection != connection || !has_room(one.body.size())) {
      return false;
    }
    outgoing made;
    made.origin = one.origin;
    made.own = std::move(one.body);
    made.id = ids_.next(now, made.origin);
    made.seqno = 2 * content_sent_;
    notice_bytes_ -= made.own.size();
    add(std::move(made));
    return true;
  });
  if (notices_.empty()) {
    notices_.shrink_to_fit();
  }

  std::vector<msg_id> answered;
  const auto& kept = outbox_.messages();
  for (std::size_t i = 0; connection == current_ && i < kept.size() && outbox_.unsent() > 0; ++i) {
    const kept_message& message = kept[i];
    if (message.stage == kept_message::state::sent) {
      continue;
    }
    outgoing made;
    if (message.stage == kept_message::state::announced) {
      made.own = body::detailed_info(message.request, message.id, message.wire_bytes());
      made.id = ids_.next(now, made.origin);
      made.seqno = 2 * content_sent_;
      if (!has_room(made.bytes())) {
        break;
      }
      outbox_.mark_sent(i, message.id, message.seqno, connection);
    } else {
      if (!has_room(message.wire_bytes())) {
        break;
      }
      made.request = message.request;
      made.origin = message.is_answer() ? msg_origin::server_response : msg_origin::server;
      made.kept = message.body.bytes();
      made.repeated = message.id != msg_id{};
      made.id = made.repeated ? message.id : ids_.next(now, made.origin);
      made.seqno = made.repeated ? message.seqno : 2 * content_sent_++ + 1;
      if (message.is_answer()) {
        answered.push_back(message.request);
      }
      outbox_.mark_sent(i, made.id, made.seqno, connection);
    }
    const bool error = made.request != msg_id{} && tl::reader(made.kept).peek_id() == constructor::rpc_error;
    add(std::move(made));
    if (error) {
      break; // some clients throw at it, and never see what stands behind it in the container
    }
  }

  // An answer acknowledges its query.
  std::sort(answered.begin(), answered.end());
  if (!answered.empty()) {
    std::erase_if(acks_, [&](msg_id id) { return std::binary_search(answered.begin(), answered.end(), id); });
  }
  if (!acks_.empty() && connection == current_ && (!batch.empty() || acks_due(now))) {
    outgoing made;
    made.own = body::with_ids(constructor::msgs_ack, acks_);
    made.id = ids_.next(now, made.origin);
    made.seqno = 2 * content_sent_;
    add(std::move(made));
    acks_.clear();
  }
  if (acks_.empty()) {
    acks_.shrink_to_fit();
  }
}

std::size_t server_session::write_packet(std::vector<outgoing>& batch, unix_ms now, packet_sink& sink) {
  const std::uint64_t salt = salts_.current(*key_, static_cast<unix_time>(now / 1000));
  const outgoing& first = batch.front();
  if (batch.size() == 1 && !first.repeated) {
    const auto packet = sink.open(packet_bytes(first.bytes()));
    first.write(write_inner_header(packet, salt, id_, first.id, first.seqno, first.bytes(), *random_).data());
    return packet.size();
  }
  std::size_t body_bytes = container_header_bytes;
  msg_origin origin = msg_origin::server;
  for (const outgoing& one : batch) {
    body_bytes += part_header_bytes + one.bytes();
    origin = one.origin == msg_origin::server_response ? one.origin : origin;
  }
  const auto packet = sink.open(packet_bytes(body_bytes));
  const msg_id id = ids_.next(now, origin);
  std::uint8_t* at = write_inner_header(packet, salt, id_, id, 2 * content_sent_, body_bytes, *random_).data();
  store_u32(at, constructor::msg_container);
  store_u32(at + 4, static_cast<std::uint32_t>(batch.size()));
  at += container_header_bytes;
  for (const outgoing& one : batch) {
    store_u64(at, one.id.value());
    store_u32(at + 8, one.seqno);
    store_u32(at + 12, static_cast<std::uint32_t>(one.bytes()));
    at = one.write(at + part_header_bytes);
  }
  return packet.size();
}

std::size_t server_session::flush(connection_id connection, unix_ms now, packet_sink& sink, std::size_t bytes_max) {
  std::size_t made = 0;
  std::vector<outgoing> batch;
  while (made < bytes_max && has_output(connection, now)) {
    batch.clear();
    gather(connection, now, batch);
    if (batch.empty()) {
      break;
    }
    made += write_packet(batch, now, sink);
  }
  return made;
}

} // namespace godwit::mtproto
