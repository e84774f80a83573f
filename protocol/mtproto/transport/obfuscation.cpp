#include "protocol/mtproto/transport/obfuscation.hpp"

#include <algorithm>

#include "protocol/mtproto/transport/first_bytes.hpp"
#include "protocol/mtproto/transport/little_endian.hpp"

namespace godwit::mtproto {

namespace {

// Bytes 8 to 39 are the key and 40 to 55 the first counter of one direction; the same 48 bytes in reverse
// order are those of the other. Byte 56: the framing; 60: the DC.
constexpr std::size_t key_at = 8;
constexpr std::size_t key_bytes = 32;
constexpr std::size_t iv_bytes = 16;
constexpr std::size_t framing_at = 56;
constexpr std::size_t dc_at = 60;

crypto::aes_ctr key_stream(std::span<const std::uint8_t, key_bytes + iv_bytes> secret) {
  crypto::aes_ctr::key_type key;
  crypto::aes_ctr::iv_type iv;
  std::copy_n(secret.begin(), key_bytes, key.begin());
  std::copy_n(secret.begin() + key_bytes, iv_bytes, iv.begin());
  return {key, iv};
}

obfuscation key_streams(const obfuscation_header& header) {
  std::array<std::uint8_t, key_bytes + iv_bytes> secret{};
  std::copy_n(header.begin() + key_at, secret.size(), secret.begin());
  auto forward = key_stream(secret);
  std::reverse(secret.begin(), secret.end());
  return {.from_client = std::move(forward), .to_client = key_stream(secret)};
}

} // namespace

obfuscation obfuscation::accept(const obfuscation_header& header) {
  obfuscation both = key_streams(header);
  obfuscation_header plain = header;
  both.from_client.apply(plain);
  const auto fields = std::span(plain);
  both.framing = framing_of_name(load_u32(fields.subspan(framing_at))).value_or(framing::full);
  both.dc = static_cast<std::int16_t>(plain[dc_at] | plain[dc_at + 1] << 8);
  return both;
}

obfuscation obfuscation::offer(mtproto::framing framing, std::int16_t dc, crypto::random_source& random,
                               obfuscation_header& header) {
  do {
    random.fill(header);
  } while (tell_first_bytes(header).what != first_bytes_verdict::kind::obfuscated);
  store_u32(std::span(header).subspan(framing_at), name_of_framing(framing));
  header[dc_at] = static_cast<std::uint8_t>(dc);
  header[dc_at + 1] = static_cast<std::uint8_t>(dc >> 8);

  obfuscation both = key_streams(header);
  both.framing = framing;
  both.dc = dc;
  obfuscation_header encrypted = header;
  both.from_client.apply(encrypted);
  std::copy(encrypted.begin() + framing_at, encrypted.end(), header.begin() + framing_at);
  return both;
}

} // namespace godwit::mtproto
