#include "tests/support/wire/socket_client.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include "config/limits.hpp"
#include "protocol/crypto/bytes.hpp"
#include "protocol/mtproto/message/bind_message.hpp"
#include "protocol/mtproto/message/constructors.hpp"
#include "protocol/mtproto/message/gzip.hpp"
#include "protocol/tl/api/auth_fn.hpp"
#include "protocol/tl/api/call.hpp"
#include "protocol/tl/api/call_fn.hpp"
#include "protocol/tl/api/config.hpp"

namespace godwit::test {
namespace {

using std::chrono::milliseconds;
namespace constructor = mtproto::constructor;

class packet_list final : public mtproto::packet_sink {
public:
  std::span<std::uint8_t> open(std::size_t size) override {
    std::string& made = packets.emplace_back(size, '\0');
    return {reinterpret_cast<std::uint8_t*>(made.data()), size};
  }
  std::vector<std::string> packets;
};

std::span<std::uint8_t> bytes_in(std::string& text) {
  return {reinterpret_cast<std::uint8_t*>(text.data()), text.size()};
}

void seal(std::string& packet, const mtproto::new_auth_key& key) {
  crypto::cipher_job job = mtproto::seal_job(bytes_in(packet), key.id, key.key, crypto::sender::client);
  crypto::encrypt({&job, 1});
  mtproto::finish_seal(job);
}

tl::box<tl::jsonObject> time_zone() {
  auto value = tl::make<tl::jsonNumber>();
  value->value = 3600;
  auto member = tl::make<tl::jsonObjectValue>();
  member->key = "tz_offset";
  member->value = std::move(value);
  auto object = tl::make<tl::jsonObject>();
  object->value.push_back(std::move(member));
  return object;
}

} // namespace

socket_client::socket_client(socket_client_options with) : options(std::move(with)) { connect(); }

socket_client::~socket_client() = default;

unix_ms socket_client::now() {
  return std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

bool socket_client::connect() {
  connection = std::make_unique<socket_connection>(options.to, options.transport, options.dc);
  if (session) {
    session->reconnected();
  }
  return is_connected();
}

std::optional<mtproto::new_auth_key> socket_client::exchange(mtproto::client_handshake_options exchange_options) {
  mtproto::client_handshake handshake(std::move(exchange_options), crypto::system_random());
  std::string query = handshake.start();
  for (;;) {
    connection->send(mtproto::make_plain(plain_ids_.next(now(), mtproto::msg_origin::client), crypto::as_bytes(query)));
    const auto packet = connection->receive(options.patience);
    if (!packet) {
      return std::nullopt;
    }
    const auto plain = mtproto::parse_plain(crypto::as_bytes(*packet));
    if (!plain) {
      return std::nullopt;
    }
    auto step = handshake.handle(crypto::as_text(plain->body));
    if (!step) {
      return std::nullopt;
    }
    if (const auto* done = std::get_if<mtproto::new_auth_key>(&*step)) {
      return *done;
    }
    query = std::move(std::get<mtproto::handshake_query>(*step).body);
  }
}

void socket_client::open(const mtproto::new_auth_key& with, std::uint64_t number) {
  key = with;
  mtproto::client_session::options wanted;
  wanted.id = session_id(number != 0 ? number : crypto::system_random().next_u64());
  wanted.key = std::make_shared<const crypto::auth_key>(with.key);
  wanted.salt = static_cast<std::uint64_t>(with.server_salt);
  wanted.random = &crypto::system_random();
  wanted.pack_above_bytes = options.pack_above_bytes;
  session = std::make_unique<mtproto::client_session>(wanted);
}

std::string socket_client::bind_query(const mtproto::new_auth_key& permanent, msg_id query,
                                      std::int32_t expires_at) const {
  mtproto::key_binding binding;
  binding.temp_key = key->id;
  binding.perm_key = permanent.id;
  binding.temp_session = session->id();
  binding.nonce = crypto::system_random().next_u64();
  binding.expires_at = expires_at;
  binding.query = query;
  tl::fn::auth_bindTempAuthKey bind;
  bind.perm_auth_key_id = static_cast<std::int64_t>(permanent.id.value());
  bind.nonce = static_cast<std::int64_t>(binding.nonce);
  bind.expires_at = expires_at;
  bind.encrypted_message = mtproto::make_bind_message(permanent.key, binding, crypto::system_random());
  return bytes(bind);
}

// --- calls ----------------------------------------------------------------------------------------

std::string socket_client::bytes(const tl::fn::function& what) const {
  std::string made;
  tl::writer out(made);
  what.store(out, options.layer);
  return out.ok() ? made : std::string();
}

std::string socket_client::wrapped(std::string_view query) const {
  tl::fn::initConnection inner;
  inner.api_id = options.device.api_id;
  inner.device_model = options.device.device_model;
  inner.system_version = options.device.system_version;
  inner.app_version = options.device.app_version;
  inner.system_lang_code = options.device.system_lang_code;
  inner.lang_pack = options.device.lang_pack;
  inner.lang_code = options.device.lang_code;
  if (options.device.tz_offset) {
    inner.params = time_zone();
  }
  inner.query = query;
  const std::string inited = bytes(inner);
  tl::fn::invokeWithLayer outer;
  outer.layer = options.layer;
  outer.query = inited;
  return bytes(outer);
}

mtproto::client_call socket_client::send(std::string query) {
  const mtproto::client_call made = session->call(std::move(query));
  send_waiting();
  return made;
}

mtproto::client_answer socket_client::call(const tl::fn::function& what, bool init) {
  std::string query = bytes(what);
  return call(init ? wrapped(query) : std::move(query));
}

mtproto::client_answer socket_client::wait(mtproto::client_call call) {
  const bool came = wait_until([&] { return answers_.contains(call); });
  if (!came) {
    mtproto::client_answer none;
    none.call = call;
    none.is_error = true;
    none.error_text = "SILENCE";
    return none;
  }
  const auto found = answers_.find(call);
  mtproto::client_answer answer = std::move(found->second);
  answers_.erase(found);
  return answer;
}

// --- messages -------------------------------------------------------------------------------------

std::string socket_client::sealed(msg_id id, std::uint32_t seqno, std::string_view body) {
  packet_list list;
  session->raw_packet(id, seqno, body, list);
  seal(list.packets.front(), *key);
  return std::move(list.packets.front());
}

std::string socket_client::sealed_plaintext(std::string_view plaintext) const {
  std::string packet(mtproto::outer_header_bytes, '\0');
  packet += plaintext;
  seal(packet, *key);
  return packet;
}

void socket_client::send_message(msg_id id, std::uint32_t seqno, std::string_view body) {
  expect_result(id);
  connection->send(sealed(id, seqno, body));
}

std::optional<std::string> socket_client::wait_result(msg_id query) {
  if (!wait_until([&] { return !results_[query].empty(); })) {
    return std::nullopt;
  }
  return std::exchange(results_[query], {});
}

void socket_client::send_waiting() {
  packet_list list;
  session->flush(now(), list);
  for (std::string& packet : list.packets) {
    seal(packet, *key);
    connection->send(packet);
  }
}

void socket_client::pump(milliseconds patience) {
  if (session->has_output()) {
    send_waiting();
  }
  auto packet = connection->receive(patience);
  while (packet) {
    handle(std::move(*packet));
    packet = connection->receive_now();
  }
  if (session->has_output() && is_connected()) {
    send_waiting();
  }
}

void socket_client::handle(std::string packet) {
  ++packets;
  auto closed = mtproto::parse_encrypted(bytes_in(packet));
  if (!closed || closed->key_id != key->id) {
    ++undecipherable;
    return;
  }
  crypto::cipher_job job = closed->job(key->key, crypto::sender::server);
  crypto::decrypt({&job, 1});
  const auto inner = job.good ? mtproto::parse_inner(mtproto::buffer_slice::copy_of(closed->data))
                              : unexpected(mtproto::envelope_errc::wrong_padding);
  if (!inner || inner->session != session->id()) {
    ++undecipherable;
    return;
  }
  note_results(inner->body);
  session->receive(*inner, now(), seen);
  new_sessions += std::exchange(seen.new_session, false) ? 1 : 0;
  for (mtproto::client_answer& answered : std::exchange(seen.answers, {})) {
    answers_[answered.call] = std::move(answered);
  }
}

void socket_client::note_results(const mtproto::buffer_slice& body) {
  if (results_.empty()) {
    return;
  }
  tl::reader in(body.bytes());
  const std::uint32_t id = in.read_id();
  if (id == constructor::msg_container) {
    for (std::size_t left = in.read_count(16); left > 0 && in.ok(); --left) {
      in.read_long();
      in.read_id();
      note_results(body.at(in.read_raw(in.read_id())));
    }
  } else if (id == constructor::rpc_result) {
    const auto found = results_.find(msg_id(static_cast<std::uint64_t>(in.read_long())));
    if (in.ok() && found != results_.end()) {
      mtproto::buffer_slice result = body.at(in.rest());
      if (auto unpacked = mtproto::unpack_object(result.bytes(), limits::unpacked_bytes_max)) {
        result = std::move(*unpacked);
      }
      found->second = std::string(result.text());
    }
  }
}

bool socket_client::ping(std::optional<std::int32_t> delay) {
  const std::uint64_t id = session->ping(now(), delay);
  send_waiting();
  return wait_until([&] { return std::find(seen.pongs.begin(), seen.pongs.end(), id) != seen.pongs.end(); });
}

std::string plaintext_of(std::uint64_t salt, session_id session, msg_id id, std::uint32_t seqno,
                         std::string_view body) {
  std::string packet(mtproto::packet_bytes(body.size()), '\0');
  const auto place =
    mtproto::write_inner_header(bytes_in(packet), salt, session, id, seqno, body.size(), crypto::system_random());
  std::copy(body.begin(), body.end(), place.begin());
  return packet.substr(mtproto::outer_header_bytes);
}

std::string container_of(const std::vector<contained_message>& messages) {
  std::string made;
  tl::writer out(made);
  out.write_id(constructor::msg_container);
  out.write_int(static_cast<std::int32_t>(messages.size()));
  for (const contained_message& one : messages) {
    out.write_long(static_cast<std::int64_t>(one.id.value()));
    out.write_id(one.seqno);
    out.write_int(static_cast<std::int32_t>(one.body.size()));
    made += one.body;
  }
  return made;
}

} // namespace godwit::test
