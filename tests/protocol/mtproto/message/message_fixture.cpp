#include "tests/protocol/mtproto/message/message_fixture.hpp"

#include <algorithm>

#include "protocol/mtproto/message/little_endian.hpp"
#include "protocol/tl/reader.hpp"
#include "protocol/tl/writer.hpp"

namespace godwit::mtproto::testing {

std::uint64_t seeded_random::next() {
  // splitmix64
  std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

void seeded_random::fill(std::span<std::uint8_t> out) {
  for (auto& byte : out) {
    byte = static_cast<std::uint8_t>(next());
  }
}

std::span<std::uint8_t> packet_list::open(std::size_t size) {
  packets.emplace_back(size);
  return packets.back();
}

inner_message opened(const std::vector<std::uint8_t>& packet) {
  return parse_inner(buffer_slice::copy_of(std::span(packet).subspan(outer_header_bytes))).value();
}

std::shared_ptr<const crypto::auth_key> test_key(std::uint8_t fill) {
  auto key = std::make_shared<crypto::auth_key>();
  for (std::size_t i = 0; i < key->bytes.size(); ++i) {
    key->bytes[i] = static_cast<std::uint8_t>(fill + i);
  }
  return key;
}

std::uint32_t flat_message::constructor() const { return tl::reader(body).peek_id(); }

std::vector<flat_message> flatten(const inner_message& packet) {
  tl::reader in(packet.body.bytes());
  if (in.peek_id() != constructor::msg_container) {
    return {{packet.id, packet.seqno, std::string(packet.body.text())}};
  }
  std::vector<flat_message> messages;
  in.read_id();
  for (std::size_t left = in.read_count(16); left > 0; --left) {
    flat_message one;
    one.id = msg_id(static_cast<std::uint64_t>(in.read_long()));
    one.seqno = in.read_id();
    const auto body = in.read_raw(in.read_id());
    one.body.assign(body.begin(), body.end());
    messages.push_back(std::move(one));
  }
  return messages;
}

std::optional<rpc_result_view> as_result(const flat_message& message) {
  tl::reader in(message.body);
  if (in.read_id() != constructor::rpc_result) {
    return std::nullopt;
  }
  rpc_result_view view;
  view.request = msg_id(static_cast<std::uint64_t>(in.read_long()));
  view.result = message.body.substr(12);
  return view;
}

std::optional<bad_msg_view> as_bad_msg(const flat_message& message) {
  tl::reader in(message.body);
  const std::uint32_t id = in.read_id();
  if (id != constructor::bad_msg_notification && id != constructor::bad_server_salt) {
    return std::nullopt;
  }
  bad_msg_view view;
  view.id = msg_id(static_cast<std::uint64_t>(in.read_long()));
  view.seqno = in.read_id();
  view.code = in.read_int();
  view.salt = id == constructor::bad_server_salt ? static_cast<std::uint64_t>(in.read_long()) : 0;
  return view;
}

std::string query(std::string_view more) {
  std::string body = body::bare(some_query);
  tl::writer(body).write_bytes(more);
  return body;
}

std::string container_of(const std::vector<flat_message>& messages) {
  std::string body = body::bare(constructor::msg_container);
  tl::writer out(body);
  out.write_int(static_cast<std::int32_t>(messages.size()));
  for (const flat_message& one : messages) {
    out.write_long(static_cast<std::int64_t>(one.id.value()));
    out.write_id(one.seqno);
    out.write_int(static_cast<std::int32_t>(one.body.size()));
    out.write_raw(one.body);
  }
  return body;
}

std::string error_text(std::string_view result) {
  tl::reader in(result);
  if (in.read_id() != constructor::rpc_error) {
    return "";
  }
  in.read_int();
  return std::string(in.read_bytes());
}

server_end::server_end(std::optional<first_salt> first)
    : session({.id = session_id(77), .key = key, .first = first, .layer = 0, .random = &random}) {}

void server_end::send_with_salt(std::uint64_t salt, msg_id id, std::uint32_t seqno, std::string_view body,
                                connection_id connection) {
  session.receive(connection, {salt, session.id(), id, seqno, slice_of(body)}, now, out);
}

void server_end::send(msg_id id, std::uint32_t seqno, std::string_view body, connection_id connection) {
  send_with_salt(derive_salt(*key, now / 1'800'000), id, seqno, body, connection);
}

msg_id server_end::call(std::string_view body, connection_id connection) {
  const msg_id id = next_id();
  send(id, next_odd(), body, connection);
  return id;
}

msg_id server_end::service(std::string_view body, connection_id connection) {
  const msg_id id = next_id();
  send(id, even(), body, connection);
  return id;
}

std::vector<flat_message> server_end::flush(connection_id connection) {
  sink.packets.clear();
  session.flush(connection, now, sink);
  std::vector<flat_message> messages;
  for (const auto& packet : sink.packets) {
    for (flat_message& one : flatten(opened(packet))) {
      messages.push_back(std::move(one));
    }
  }
  return messages;
}

std::vector<flat_message> server_end::flushed(std::uint32_t constructor, connection_id connection) {
  auto messages = flush(connection);
  std::erase_if(messages, [constructor](const flat_message& one) { return one.constructor() != constructor; });
  return messages;
}

std::string server_end::result_of(msg_id request, connection_id connection) {
  for (const flat_message& one : flush(connection)) {
    if (const auto view = as_result(one); view && view->request == request) {
      return view->result;
    }
  }
  return "";
}

int server_end::bad_code(connection_id connection) {
  for (const flat_message& one : flush(connection)) {
    if (const auto view = as_bad_msg(one)) {
      return view->code;
    }
  }
  return 0;
}

} // namespace godwit::mtproto::testing
