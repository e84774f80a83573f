#include "protocol/mtproto/message/server_session.hpp"

#include <algorithm>
#include <utility>

#include "config/limits.hpp"
#include "protocol/mtproto/message/constructors.hpp"
#include "protocol/mtproto/message/gzip.hpp"
#include "protocol/mtproto/message/service_bodies.hpp"
#include "protocol/mtproto/message/wrappers.hpp"
#include "protocol/tl/reader.hpp"

namespace godwit::mtproto {
namespace {

bool is_content_related(std::uint32_t seqno) { return (seqno & 1) != 0; }

unix_time seconds(unix_ms time) { return static_cast<unix_time>(time / 1000); }

std::uint32_t constructor_of(const buffer_slice& body) { return tl::reader(body.bytes()).peek_id(); }

/// What the message layer answers itself; everything else is a query.
bool is_service(std::uint32_t id) {
  switch (id) {
  case constructor::msgs_ack:
  case constructor::bad_msg_notification:
  case constructor::bad_server_salt:
  case constructor::msg_resend_req:
  case constructor::msg_resend_ans_req:
  case constructor::msgs_state_req:
  case constructor::msgs_state_info:
  case constructor::msgs_all_info:
  case constructor::msg_detailed_info:
  case constructor::msg_new_detailed_info:
  case constructor::new_session_created:
  case constructor::rpc_drop_answer:
  case constructor::get_future_salts:
  case constructor::ping:
  case constructor::ping_delay_disconnect:
  case constructor::pong:
  case constructor::destroy_session:
  case constructor::destroy_auth_key:
  case constructor::http_wait: return true;
  default: return false;
  }
}

/// A message of a container.
struct part {
  msg_id id;
  std::uint32_t seqno = 0;
  buffer_slice body;
};

/// Nothing when it breaks a rule: then not one of its messages counts.
std::optional<std::vector<part>> parse_container(msg_id container, const buffer_slice& body) {
  constexpr std::size_t part_bytes_min = 20;
  tl::reader in(body.bytes());
  in.read_id();
  const std::size_t count = in.read_count(part_bytes_min);
  if (!in.ok() || count > limits::container_messages_max) {
    return std::nullopt;
  }
  std::vector<part> parts(count);
  for (part& one : parts) {
    one.id = msg_id(static_cast<std::uint64_t>(in.read_long()));
    one.seqno = in.read_id();
    const std::uint32_t length = in.read_id();
    if (length < 4 || length % 4 != 0) {
      return std::nullopt;
    }
    one.body = body.at(in.read_raw(length));
    // Only messages with lower ids belong into a container, and no containers.
    if (!in.ok() || one.id >= container || constructor_of(one.body) == constructor::msg_container) {
      return std::nullopt;
    }
  }
  if (!in.finish()) {
    return std::nullopt;
  }
  return parts;
}

} // namespace

server_session::server_session(options opts)
    : key_(std::move(opts.key)), random_(opts.random), id_(opts.id), salts_(opts.first), layer_(opts.layer) {}

void server_session::attach(connection_id connection, msg_id packet) {
  const auto found = std::find_if(connections_.begin(), connections_.end(),
                                  [connection](const attached& one) { return one.id == connection; });
  if (found == connections_.end()) {
    if (connections_.size() >= limits::session_connections_max) {
      detach(connections_.front().id);
    }
    connections_.push_back({connection});
    current_ = connection;
    // Whether what was sent before came through nobody knows; the client knows repeated messages by their ids.
    outbox_.requeue_all();
  } else if (packet > received_.highest()) {
    // Not by bytes that were on their way when the client went elsewhere.
    current_ = connection;
  }
}

void server_session::detach(connection_id connection) {
  std::erase_if(connections_, [connection](const attached& one) { return one.id == connection; });
  std::erase_if(notices_, [&](const notice& one) {
    const bool gone = one.connection == connection;
    notice_bytes_ -= gone ? one.body.size() : 0;
    return gone;
  });
  if (connections_.empty()) {
    connections_.shrink_to_fit();
  }
  if (current_ == connection) {
    current_ = connections_.empty() ? connection_id{} : connections_.back().id;
  }
  outbox_.requeue_sent_on(connection);
}

bad_msg server_session::check_packet(const inner_message& packet, unix_ms now) {
  if (const bad_msg bad = check_client_id(packet.id, now); bad != bad_msg::none) {
    return bad;
  }
  return salts_.accepts(*key_, packet.salt, seconds(now)) ? bad_msg::none : bad_msg::salt;
}

void server_session::refuse(packet_context& context, msg_id id, std::uint32_t seqno, bad_msg code) {
  notify(context, code == bad_msg::salt ? body::bad_server_salt(id, seqno, salts_.current(*key_, seconds(context.now)))
                                        : body::bad_msg_notification(id, seqno, code));
  if (++bad_in_a_row_ >= limits::bad_messages_max) {
    context.out.close = close_reason::too_many_bad_messages;
  }
}

void server_session::receive(connection_id connection, const inner_message& packet, unix_ms now, session_output& out) {
  packet_context context{connection, now, out, limits::unpacked_bytes_max};
  received_.forget_old(now);
  // A packet that came before may come from anybody who saw it: it moves no answers to another connection and
  // is not refused, for a refusal would make the client ask again under a new id.
  const bool repeated = received_.look_up(packet.id) == received_ids::verdict::known;
  // A packet from before the session began, overtaken by the one that began it, is to the client as good as lost:
  // it was told so and asks again. Inside a newer container it is what the client asks again.
  if (!repeated && packet.id < first_) {
    return;
  }
  if (!repeated) {
    if (const bad_msg bad = check_packet(packet, now); bad != bad_msg::none) {
      refuse(context, packet.id, packet.seqno, bad);
      return;
    }
  }
  if (!repeated || connections_.empty()) {
    attach(connection, packet.id);
  }
  buffer_slice body = packet.body;
  // A client may pack a whole container.
  if (!repeated && constructor_of(body) == constructor::gzip_packed) {
    if (auto content = unpack_within(body, context.unpack_budget)) {
      body = std::move(*content);
    }
  }
  if (constructor_of(body) == constructor::msg_container) {
    receive_container(context, packet, body);
    return;
  }
  begin_session(packet.id, now);
  receive_one(context, packet.id, packet.seqno, body);
}

void server_session::receive_container(packet_context& context, const inner_message& packet, const buffer_slice& body) {
  const auto known = received_.find(packet.id);
  bad_msg bad = bad_msg::none;
  if (known && known->kind != received_kind::container) {
    bad = bad_msg::container_id_reused;
  } else if (!known && packet.id <= received_.floor()) {
    bad = bad_msg::id_too_old;
  } else if (is_content_related(packet.seqno)) {
    bad = bad_msg::seqno_not_even;
  }
  const auto parts = bad == bad_msg::none ? parse_container(packet.id, body) : std::nullopt;
  if (!parts) {
    refuse(context, packet.id, packet.seqno, bad == bad_msg::none ? bad_msg::container : bad);
    return;
  }
  msg_id lowest = packet.id;
  for (const part& one : *parts) {
    lowest = std::min(lowest, one.id);
  }
  begin_session(lowest, context.now);
  if (!known) {
    received_.add(packet.id, packet.seqno, received_kind::container);
  }
  for (const part& one : *parts) {
    receive_one(context, one.id, one.seqno, one.body);
  }
}

void server_session::receive_one(packet_context& context, msg_id id, std::uint32_t seqno, const buffer_slice& body) {
  if ((id.value() & 3) != 0) {
    refuse(context, id, seqno, bad_msg::id_bits);
    return;
  }
  const auto verdict = received_.look_up(id);
  if (verdict == received_ids::verdict::known) {
    receive_again(context, id, seqno);
    return;
  }
  if (verdict == received_ids::verdict::too_old) {
    refuse(context, id, seqno, bad_msg::id_too_old);
    return;
  }
  if (const bad_msg bad = received_.check_seqno(id, seqno); bad != bad_msg::none) {
    refuse(context, id, seqno, bad);
    return;
  }
  buffer_slice content = body;
  if (constructor_of(content) == constructor::gzip_packed) {
    // What cannot be unpacked stays as it is: a query that is then answered with an error.
    if (auto unpacked = unpack_within(content, context.unpack_budget)) {
      content = std::move(*unpacked);
    }
  }
  const std::uint32_t constructor = constructor_of(content);
  if (constructor == constructor::msg_container) {
    refuse(context, id, seqno, bad_msg::container);
    return;
  }
  const bool service = is_service(constructor);
  // An acknowledgement with an odd seqno breaks the rules, but mtcute sends no other, and a refusal makes it
  // begin a new session: such a one is taken as any content-related message.
  if (!service && !is_content_related(seqno)) {
    refuse(context, id, seqno, bad_msg::seqno_not_odd);
    return;
  }
  bad_in_a_row_ = 0;
  received_.add(id, seqno, service ? received_kind::service : received_kind::call);
  if (is_content_related(seqno)) {
    acknowledge(id, context.now);
  }
  if (service) {
    receive_service(context, id, content);
  } else {
    receive_call(context, id, content);
  }
}

void server_session::receive_again(packet_context& context, msg_id id, std::uint32_t seqno) {
  const kept_message* answer = outbox_.find_answer(id);
  if (answer != nullptr && answer->forgotten) {
    // Its answer is lost, so the client has to ask anew.
    refuse(context, id, seqno, bad_msg::id_too_old);
    return;
  }
  if (is_content_related(seqno)) {
    acknowledge(id, context.now);
  }
  if (answer != nullptr) {
    outbox_.requeue({&id, 1}, true);
  }
}

void server_session::begin_session(msg_id lowest, unix_ms now) {
  if (std::exchange(established_, true)) {
    return;
  }
  first_ = lowest;
  kept_message made;
  made.since = now;
  made.body = body::new_session_created(lowest, random_->next_u64(), salts_.current(*key_, seconds(now)));
  outbox_.add(std::move(made), true);
}

void server_session::acknowledge(msg_id id, unix_ms now) {
  if (acks_.empty()) {
    acks_since_ = now;
  }
  // A client that sends so much and reads nothing can ask for the state of its messages.
  if (acks_.size() < limits::ids_per_message_max) {
    acks_.push_back(id);
  }
}

bool server_session::is_full() const {
  return calls_.size() >= limits::session_calls_max || notice_bytes_ >= limits::notices_bytes_max ||
         outbox_.unsent_bytes() >= limits::unsent_bytes_max || acks_.size() >= limits::ids_per_message_max / 2;
}

std::optional<unix_ms> server_session::due() const {
  std::optional<unix_ms> first;
  const auto consider = [&first](std::optional<unix_ms> time) {
    if (time && (!first || *time < *first)) {
      first = time;
    }
  };
  consider(calls_.due());
  consider(outbox_.due());
  if (!acks_.empty() && has_connection()) {
    consider(acks_since_ + limits::ack_delay_ms);
  }
  for (const attached& one : connections_) {
    consider(one.disconnect_at == 0 ? std::nullopt : std::optional(one.disconnect_at));
  }
  return first;
}

void server_session::tick(unix_ms now, session_output& out) {
  outbox_.forget_old(now);
  for (const msg_id late : calls_.overdue(now)) {
    answer(late, rpc_error(rpc_errc::msg_wait_failed), now, out);
  }
  for (attached& one : connections_) {
    if (one.disconnect_at != 0 && one.disconnect_at <= now) {
      one.disconnect_at = 0;
      session_event event;
      event.what = session_event::kind::connection_timed_out;
      event.connection = one.id;
      out.events.push_back(event);
    }
  }
}

std::size_t server_session::memory_bytes() const {
  std::size_t texts = 0;
  if (client_) {
    texts = sizeof(client_info) + client_->device_model.size() + client_->system_version.size() +
            client_->app_version.size() + client_->system_lang_code.size() + client_->lang_pack.size() +
            client_->lang_code.size();
  }
  return sizeof(*this) + texts + received_.memory_bytes() + calls_.memory_bytes() + outbox_.memory_bytes() +
         connections_.capacity() * sizeof(attached) + notices_.capacity() * sizeof(notice) + notice_bytes_ +
         acks_.capacity() * sizeof(msg_id);
}

} // namespace godwit::mtproto
