#include "protocol/mtproto/message/envelope.hpp"

#include <algorithm>
#include <cstring>

#include "protocol/mtproto/message/little_endian.hpp"

namespace godwit::mtproto {
namespace {

constexpr std::size_t block_bytes = 16;
constexpr std::size_t padding_bytes_min = 12;
constexpr std::size_t padding_bytes_max = 1024;
/// auth_key_id, msg_id and length of an unencrypted message.
constexpr std::size_t plain_header_bytes = 20;
/// A message has at least its constructor.
constexpr std::size_t body_bytes_min = 4;

constexpr std::size_t data_bytes(std::size_t body_bytes) {
  return (inner_header_bytes + body_bytes + padding_bytes_min + block_bytes - 1) / block_bytes * block_bytes;
}

} // namespace

std::string_view to_string(envelope_errc error) {
  switch (error) {
  case envelope_errc::too_short: return "too_short";
  case envelope_errc::not_whole_blocks: return "not_whole_blocks";
  case envelope_errc::wrong_length: return "wrong_length";
  case envelope_errc::wrong_padding: return "wrong_padding";
  }
  return "unknown";
}

auth_key_id key_of(std::span<const std::uint8_t> packet) {
  return packet.size() < 8 ? auth_key_id{} : auth_key_id(load_u64(packet.data()));
}

crypto::cipher_job encrypted_packet::job(const crypto::auth_key& key, crypto::sender from) const {
  crypto::cipher_job made;
  made.key = &key;
  made.data = data.data();
  made.size = data.size();
  made.msg_key = msg_key;
  made.from = from;
  return made;
}

expected<encrypted_packet, envelope_errc> parse_encrypted(std::span<std::uint8_t> packet) {
  if (packet.size() < outer_header_bytes + data_bytes(body_bytes_min)) {
    return unexpected(envelope_errc::too_short);
  }
  encrypted_packet parsed;
  parsed.key_id = key_of(packet);
  std::memcpy(parsed.msg_key.data(), packet.data() + 8, parsed.msg_key.size());
  parsed.data = packet.subspan(outer_header_bytes);
  if (parsed.data.size() % block_bytes != 0) {
    return unexpected(envelope_errc::not_whole_blocks);
  }
  return parsed;
}

expected<inner_message, envelope_errc> parse_inner(const buffer_slice& plaintext) {
  const auto bytes = plaintext.bytes();
  if (bytes.size() < inner_header_bytes + body_bytes_min + padding_bytes_min) {
    return unexpected(envelope_errc::too_short);
  }
  const std::size_t length = load_u32(bytes.data() + 28);
  const std::size_t room = bytes.size() - inner_header_bytes;
  if (length < body_bytes_min || length % 4 != 0 || length > room) {
    return unexpected(envelope_errc::wrong_length);
  }
  if (room - length < padding_bytes_min || room - length > padding_bytes_max) {
    return unexpected(envelope_errc::wrong_padding);
  }
  inner_message parsed;
  parsed.salt = load_u64(bytes.data());
  parsed.session = session_id(load_u64(bytes.data() + 8));
  parsed.id = msg_id(load_u64(bytes.data() + 16));
  parsed.seqno = load_u32(bytes.data() + 24);
  parsed.body = plaintext.part(inner_header_bytes, length);
  return parsed;
}

expected<plain_message, envelope_errc> parse_plain(std::span<const std::uint8_t> packet) {
  if (packet.size() < plain_header_bytes + body_bytes_min) {
    return unexpected(envelope_errc::too_short);
  }
  const std::size_t length = load_u32(packet.data() + 16);
  if (length < body_bytes_min || length % 4 != 0 || length > packet.size() - plain_header_bytes) {
    return unexpected(envelope_errc::wrong_length);
  }
  return plain_message{msg_id(load_u64(packet.data() + 8)), packet.subspan(plain_header_bytes, length)};
}

std::string make_plain(msg_id id, std::span<const std::uint8_t> body) {
  std::string packet(plain_header_bytes + body.size(), '\0');
  auto* const at = reinterpret_cast<std::uint8_t*>(packet.data());
  store_u64(at + 8, id.value());
  store_u32(at + 16, static_cast<std::uint32_t>(body.size()));
  std::copy(body.begin(), body.end(), at + plain_header_bytes);
  return packet;
}

std::size_t packet_bytes(std::size_t body_bytes) { return outer_header_bytes + data_bytes(body_bytes); }

std::span<std::uint8_t> write_inner_header(std::span<std::uint8_t> packet, std::uint64_t salt, session_id session,
                                           msg_id id, std::uint32_t seqno, std::size_t body_bytes,
                                           crypto::random_source& random) {
  const auto data = packet.subspan(outer_header_bytes);
  store_u64(data.data(), salt);
  store_u64(data.data() + 8, session.value());
  store_u64(data.data() + 16, id.value());
  store_u32(data.data() + 24, seqno);
  store_u32(data.data() + 28, static_cast<std::uint32_t>(body_bytes));
  random.fill(data.subspan(inner_header_bytes + body_bytes));
  return data.subspan(inner_header_bytes, body_bytes);
}

crypto::cipher_job seal_job(std::span<std::uint8_t> packet, auth_key_id key_id, const crypto::auth_key& key,
                            crypto::sender from) {
  store_u64(packet.data(), key_id.value());
  crypto::cipher_job job;
  job.key = &key;
  job.data = packet.data() + outer_header_bytes;
  job.size = packet.size() - outer_header_bytes;
  job.from = from;
  return job;
}

void finish_seal(const crypto::cipher_job& job) {
  // The job's data begins behind the outer header of the packet that seal_job was given.
  std::memcpy(job.data - job.msg_key.size(), job.msg_key.data(), job.msg_key.size());
}

} // namespace godwit::mtproto
