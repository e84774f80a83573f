#include "protocol/mtproto/message/client_session.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "config/limits.hpp"
#include "protocol/mtproto/message/constructors.hpp"
#include "protocol/mtproto/message/gzip.hpp"
#include "protocol/mtproto/message/little_endian.hpp"
#include "protocol/mtproto/message/service_bodies.hpp"
#include "protocol/tl/writer.hpp"

namespace godwit::mtproto {
namespace {

constexpr std::size_t container_header_bytes = 8;
constexpr std::size_t part_header_bytes = 16;
/// Containers whose contents are remembered.
constexpr std::size_t containers_max = 64;

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

} // namespace

void client_output::clear() { *this = client_output(); }

client_session::client_session(options opts)
    : id_(opts.id),
      key_(std::move(opts.key)),
      salt_(opts.salt),
      random_(opts.random),
      resend_after_ms_(opts.resend_after_ms),
      pack_above_bytes_(opts.pack_above_bytes) {}

client_call client_session::call(std::string query, std::optional<client_call> after) {
  pending_call made;
  made.query = std::move(query);
  made.after = after;
  calls_.emplace(++last_call_, std::move(made));
  ++queued_calls_;
  return last_call_;
}

msg_id client_session::next_id(unix_ms now) { return ids_.next(now + clock_offset_ms_, msg_origin::client); }

std::uint32_t client_session::next_seqno(bool content_related) {
  return content_related ? 2 * content_sent_++ + 1 : 2 * content_sent_;
}

msg_id client_session::send_service(std::string body, unix_ms now, bool content_related) {
  outgoing made;
  made.id = next_id(now);
  made.seqno = next_seqno(content_related);
  made.body = std::move(body);
  service_.push_back(std::move(made));
  return service_.back().id;
}

std::uint64_t client_session::ping(unix_ms now, std::optional<std::int32_t> disconnect_delay) {
  const std::uint64_t ping_id = random_->next_u64();
  std::string body =
    body::with_long(disconnect_delay ? constructor::ping_delay_disconnect : constructor::ping, ping_id);
  if (disconnect_delay) {
    tl::writer(body).write_int(*disconnect_delay);
  }
  send_service(std::move(body), now);
  return ping_id;
}

msg_id client_session::sent_as(client_call call) const {
  const auto found = calls_.find(call);
  return found == calls_.end() ? msg_id{} : found->second.id;
}

bool client_session::has_requests() const {
  return queued_calls_ > 0 || !service_.empty() || !resend_requests_.empty();
}

bool client_session::has_output() const { return has_requests() || (!acks_.empty() && !silent_); }

std::string client_session::wrapped(const pending_call& which) const {
  std::string query;
  if (which.after) {
    const auto before = calls_.find(*which.after);
    if (before != calls_.end() && before->second.id != msg_id{}) {
      query = body::with_long(constructor::invoke_after_msg, before->second.id.value());
    }
  }
  query += which.query;
  if (pack_above_bytes_ != 0 && query.size() > pack_above_bytes_) {
    if (auto packed = pack_object(bytes_of(query))) {
      return std::move(*packed);
    }
  }
  return query;
}

void client_session::gather(unix_ms now, std::vector<outgoing>& batch) {
  std::size_t bytes = 0;
  const auto add = [&](outgoing made) {
    bytes += made.body.size() + part_header_bytes;
    batch.push_back(std::move(made));
  };
  const auto has_room = [&] {
    return batch.size() + 2 < limits::container_messages_max && bytes < limits::container_bytes_max;
  };
  const auto add_ids = [&](std::uint32_t constructor, std::vector<msg_id>& ids) {
    if (!ids.empty()) {
      const std::size_t count = std::min(ids.size(), limits::ids_per_message_max);
      add({next_id(now), next_seqno(false), body::with_ids(constructor, std::span(ids).first(count))});
      ids.erase(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(count));
    }
  };
  while (!service_.empty() && has_room()) {
    add(std::move(service_.front()));
    service_.pop_front();
  }
  for (auto& [name, which] : calls_) {
    if (queued_calls_ == 0 || !has_room()) {
      break;
    }
    if (!std::exchange(which.queued, false)) {
      continue;
    }
    --queued_calls_;
    outgoing made;
    made.repeated = which.id != msg_id{};
    if (!made.repeated) {
      which.id = next_id(now);
      which.seqno = next_seqno(true);
      sent_.emplace(which.id, name);
    }
    which.sent_at = now;
    made.id = which.id;
    made.seqno = which.seqno;
    made.body = wrapped(which);
    add(std::move(made));
  }
  if (!silent_) {
    add_ids(constructor::msgs_ack, acks_);
  }
  add_ids(constructor::msg_resend_req, resend_requests_);
}

void client_session::write_packet(const std::vector<outgoing>& batch, unix_ms now, packet_sink& sink) {
  const outgoing& first = batch.front();
  if (batch.size() == 1 && !first.repeated) {
    raw_packet(first.id, first.seqno, first.body, sink);
    return;
  }
  std::size_t size = container_header_bytes;
  std::vector<msg_id> ids;
  for (const outgoing& one : batch) {
    size += part_header_bytes + one.body.size();
    ids.push_back(one.id);
  }
  const msg_id id = next_id(now);
  const auto packet = sink.open(packet_bytes(size));
  std::uint8_t* at = write_inner_header(packet, salt_, id_, id, next_seqno(false), size, *random_).data();
  store_u32(at, constructor::msg_container);
  store_u32(at + 4, static_cast<std::uint32_t>(batch.size()));
  at += container_header_bytes;
  for (const outgoing& one : batch) {
    store_u64(at, one.id.value());
    store_u32(at + 8, one.seqno);
    store_u32(at + 12, static_cast<std::uint32_t>(one.body.size()));
    std::memcpy(at + part_header_bytes, one.body.data(), one.body.size());
    at += part_header_bytes + one.body.size();
  }
  containers_.emplace(id, std::move(ids));
  if (containers_.size() > containers_max) {
    containers_.erase(containers_.begin());
  }
}

void client_session::raw_packet(msg_id id, std::uint32_t seqno, std::string_view body, packet_sink& sink) {
  const auto packet = sink.open(packet_bytes(body.size()));
  const auto place = write_inner_header(packet, salt_, id_, id, seqno, body.size(), *random_);
  std::copy(body.begin(), body.end(), place.begin());
}

void client_session::flush(unix_ms now, packet_sink& sink) {
  std::vector<outgoing> batch;
  while (has_output()) {
    batch.clear();
    gather(now, batch);
    write_packet(batch, now, sink);
  }
}

void client_session::send_under_new_id(client_call call) {
  const auto found = calls_.find(call);
  if (found == calls_.end()) {
    return;
  }
  // An answer under the old id still counts.
  found->second.id = msg_id{};
  queue(found->second);
}

void client_session::queue(pending_call& which) {
  queued_calls_ += which.queued ? 0 : 1;
  which.queued = true;
}

void client_session::send_again(msg_id id, bool under_new_id) {
  if (const auto inside = containers_.find(id); inside != containers_.end()) {
    const auto ids = std::move(inside->second);
    containers_.erase(inside);
    for (const msg_id one : ids) {
      send_again(one, under_new_id);
    }
    return;
  }
  const auto found = sent_.find(id);
  if (found == sent_.end()) {
    return;
  }
  const auto which = calls_.find(found->second);
  // A call that went again meanwhile is not answered by what is said about its older self.
  if (which != calls_.end() && which->second.id == id) {
    queue(which->second);
    which->second.id = under_new_id ? msg_id{} : id;
  }
}

void client_session::reconnected() {
  for (auto& [name, which] : calls_) {
    queue(which);
  }
}

void client_session::tick(unix_ms now) {
  for (auto& [name, which] : calls_) {
    if (!which.queued && now >= which.sent_at + resend_after_ms_) {
      queue(which);
    }
  }
}

} // namespace godwit::mtproto
