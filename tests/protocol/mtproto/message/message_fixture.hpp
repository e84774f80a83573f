#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/crypto/random.hpp"
#include "protocol/mtproto/message/client_session.hpp"
#include "protocol/mtproto/message/constructors.hpp"
#include "protocol/mtproto/message/envelope.hpp"
#include "protocol/mtproto/message/server_session.hpp"
#include "protocol/mtproto/message/service_bodies.hpp"

namespace godwit::mtproto::testing {

/// Random bytes that a seed repeats.
class seeded_random : public crypto::random_source {
public:
  explicit seeded_random(std::uint64_t seed = 1) : state_(seed * 2 + 1) {}
  void fill(std::span<std::uint8_t> out) override;
  /// 0 to `below` - 1.
  std::uint64_t pick(std::uint64_t below) { return next() % below; }
  bool chance(unsigned percent) { return pick(100) < percent; }

private:
  std::uint64_t next();

  std::uint64_t state_;
};

/// Keeps packets with their plaintext open.
class packet_list : public packet_sink {
public:
  std::span<std::uint8_t> open(std::size_t size) override;

  std::vector<std::vector<std::uint8_t>> packets;
};

/// What a packet would be after encryption and decryption.
inner_message opened(const std::vector<std::uint8_t>& packet);

std::shared_ptr<const crypto::auth_key> test_key(std::uint8_t fill = 7);

inline buffer_slice slice_of(std::string_view bytes) {
  return buffer_slice::copy_of({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
}

/// A message out of a packet; those of containers one by one.
struct flat_message {
  msg_id id;
  std::uint32_t seqno = 0;
  std::string body;

  [[nodiscard]] std::uint32_t constructor() const;
};

std::vector<flat_message> flatten(const inner_message& packet);

/// What a message says, for those that are looked at most.
struct rpc_result_view {
  msg_id request;
  std::string result;
};
std::optional<rpc_result_view> as_result(const flat_message& message);
struct bad_msg_view {
  msg_id id;
  std::uint32_t seqno = 0;
  int code = 0;
  std::uint64_t salt = 0;
};
std::optional<bad_msg_view> as_bad_msg(const flat_message& message);

inline constexpr unix_ms test_now = 1'790'000'000'000;
inline constexpr connection_id first_connection{1};
inline constexpr connection_id second_connection{2};
/// A constructor that is nobody's.
inline constexpr std::uint32_t some_query = 0x0badf00d;

std::string query(std::string_view more = "");
std::string container_of(const std::vector<flat_message>& messages);
/// Error text of an rpc_error; empty: it is none.
std::string error_text(std::string_view result);

/// A server's session and the means to send it anything.
class server_end {
public:
  explicit server_end(std::optional<first_salt> first = std::nullopt);

  /// An id of a client at `now`; each is larger than the last.
  msg_id next_id() { return ids_.next(now, msg_origin::client); }
  /// A fresh, odd seqno.
  std::uint32_t next_odd() { return 2 * content_++ + 1; }
  [[nodiscard]] std::uint32_t even() const { return 2 * content_; }

  /// Sends one message with the right salt.
  void send(msg_id id, std::uint32_t seqno, std::string_view body, connection_id connection = first_connection);
  void send_with_salt(std::uint64_t salt, msg_id id, std::uint32_t seqno, std::string_view body,
                      connection_id connection = first_connection);
  /// A query of its own; yields its id.
  msg_id call(std::string_view body, connection_id connection = first_connection);
  msg_id service(std::string_view body, connection_id connection = first_connection);

  /// Everything that a flush gives, flat.
  std::vector<flat_message> flush(connection_id connection = first_connection);
  /// The result of `request` among what a flush gives; empty: none.
  std::string result_of(msg_id request, connection_id connection = first_connection);
  /// The code of the one bad_msg that a flush gives; 0: there is none.
  int bad_code(connection_id connection = first_connection);
  /// The messages of a flush that have this constructor.
  std::vector<flat_message> flushed(std::uint32_t constructor, connection_id connection = first_connection);

  seeded_random random;
  std::shared_ptr<const crypto::auth_key> key = test_key();
  unix_ms now = test_now;
  server_session session;
  session_output out;
  packet_list sink;

private:
  msg_id_source ids_;
  std::uint32_t content_ = 0;
};

} // namespace godwit::mtproto::testing
