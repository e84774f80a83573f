#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "protocol/crypto/message_cipher.hpp"
#include "protocol/crypto/random.hpp"
#include "protocol/expected.hpp"
#include "protocol/ids.hpp"
#include "protocol/mtproto/message/buffer.hpp"

namespace godwit::mtproto {

/// auth_key_id and msg_key, in front of the cipher text.
inline constexpr std::size_t outer_header_bytes = 24;
/// salt, session_id, msg_id, seqno and length, at the front of the plaintext.
inline constexpr std::size_t inner_header_bytes = 32;

/// Why a packet is not one. The client is told nothing (security guidelines, "Checking message length").
enum class envelope_errc : std::uint8_t {
  too_short = 1,
  not_whole_blocks, ///< the cipher text is no multiple of 16 bytes
  wrong_length,     ///< the length of the body is negative, no multiple of four, or beyond the data
  wrong_padding,    ///< fewer than 12 bytes of padding or more than 1024
};

/// Name for logs, e.g. "wrong_padding".
std::string_view to_string(envelope_errc error);

/// A packet begins with auth_key_id; 0 marks an unencrypted message. 0 as well when it is too short for one.
auth_key_id key_of(std::span<const std::uint8_t> packet);

/// A packet with its cipher text still closed.
struct encrypted_packet {
  auth_key_id key_id;
  crypto::msg_key msg_key{};
  std::span<std::uint8_t> data;

  /// For crypto::decrypt. `key` must outlive the job.
  [[nodiscard]] crypto::cipher_job job(const crypto::auth_key& key, crypto::sender from) const;
};

expected<encrypted_packet, envelope_errc> parse_encrypted(std::span<std::uint8_t> packet);

/// What an encrypted packet holds.
struct inner_message {
  std::uint64_t salt = 0;
  session_id session;
  msg_id id;
  std::uint32_t seqno = 0;
  buffer_slice body;
};

/// Reads decrypted data. To be called only when the job was `good`; its errors then come from an
/// authentic, but broken, client.
expected<inner_message, envelope_errc> parse_inner(const buffer_slice& plaintext);

/// The unencrypted message of the key exchange: auth_key_id 0, msg_id, length, body. Bytes behind the body
/// are ignored, for a transport may have padded them.
struct plain_message {
  msg_id id;
  std::span<const std::uint8_t> body;
};

expected<plain_message, envelope_errc> parse_plain(std::span<const std::uint8_t> packet);
std::string make_plain(msg_id id, std::span<const std::uint8_t> body);

/// Where packets are put together. A sink over a connection's send buffer saves a copy.
class packet_sink {
public:
  virtual ~packet_sink() = default;
  /// Room for a packet of `size` bytes, outer header included. Written at once, before the next call; the
  /// caller encrypts it later, see seal_job.
  virtual std::span<std::uint8_t> open(std::size_t size) = 0;
};

/// Bytes of the packet, outer header and padding included, around a body of this size.
std::size_t packet_bytes(std::size_t body_bytes);

/// Fills in the inner header and the padding of a packet of packet_bytes(body_bytes) and returns where the
/// body goes. The outer header stays for seal_job and finish_seal.
std::span<std::uint8_t> write_inner_header(std::span<std::uint8_t> packet, std::uint64_t salt, session_id session,
                                           msg_id id, std::uint32_t seqno, std::size_t body_bytes,
                                           crypto::random_source& random);

/// Writes auth_key_id and yields the job that encrypts the packet in place. After crypto::encrypt,
/// finish_seal writes the job's msg_key into the packet.
crypto::cipher_job seal_job(std::span<std::uint8_t> packet, auth_key_id key_id, const crypto::auth_key& key,
                            crypto::sender from = crypto::sender::server);
void finish_seal(const crypto::cipher_job& job);

} // namespace godwit::mtproto
