#include "protocol/mtproto/handshake/rsa_padding.hpp"

#include <algorithm>
#include <cstring>

#include "protocol/crypto/aes_ige.hpp"
#include "protocol/crypto/hash.hpp"

namespace godwit::mtproto {
namespace {

using crypto::bytes_view;

constexpr std::size_t temp_key_size = 32;
constexpr std::size_t padded_size = 192; // of the data of RSA_PAD
constexpr std::size_t sha1_begin = 1;    // the number has 255 bytes
constexpr std::size_t sha1_data_begin = sha1_begin + sizeof(crypto::sha1_hash);

/// The sizes that p_q_inner_data can have: pq has eight bytes, p and q four each, and there are none, one or
/// both of dc and expires_in.
constexpr std::array<std::size_t, 3> inner_sizes = {96, 100, 104};

/// Reads the block as RSA_PAD into `out`; yields whether the hash is right.
bool open_rsa_pad(const crypto::rsa_block& plain, std::array<std::uint8_t, padded_size>& out) {
  const bytes_view block(plain);
  crypto::sha256_hash mask = crypto::sha256(block.subspan(temp_key_size));
  crypto::ige_secret secret;
  for (std::size_t i = 0; i < temp_key_size; ++i) {
    secret.key[i] = plain[i] ^ mask[i];
  }
  std::array<std::uint8_t, padded_size + sizeof(crypto::sha256_hash)> data_with_hash;
  std::copy(plain.begin() + temp_key_size, plain.end(), data_with_hash.begin());
  crypto::aes_ige_decrypt(data_with_hash, secret);
  std::reverse_copy(data_with_hash.begin(), data_with_hash.begin() + padded_size, out.begin());
  const crypto::sha256_hash hash = crypto::sha256({secret.key, out});
  const bool good = crypto::equal(hash, bytes_view(data_with_hash).subspan(padded_size));
  crypto::wipe(mask);
  crypto::wipe(data_with_hash);
  return good;
}

/// Reads the block by the SHA-1 scheme; yields the size of the data, or 0. Every possible size is hashed.
std::size_t open_sha1(const crypto::rsa_block& plain) {
  const bytes_view block(plain);
  const bytes_view wanted = block.subspan(sha1_begin, sizeof(crypto::sha1_hash));
  std::size_t found = 0;
  for (const std::size_t size : inner_sizes) {
    const bool equal = crypto::equal(crypto::sha1(block.subspan(sha1_data_begin, size)), wanted);
    found |= size * static_cast<std::size_t>(equal);
  }
  return found * static_cast<std::size_t>(plain[0] == 0);
}

} // namespace

unpadded_data::~unpadded_data() { crypto::wipe(bytes); }

std::optional<unpadded_data> unpad(const crypto::rsa_block& plain) {
  unpadded_data result;
  const bool is_pad = open_rsa_pad(plain, result.bytes);
  const std::size_t sha1_size = open_sha1(plain);
  if (is_pad) {
    result.scheme = rsa_scheme::pad;
    result.size = padded_size;
    return result;
  }
  if (sha1_size != 0) {
    result.scheme = rsa_scheme::sha1;
    std::copy_n(plain.begin() + sha1_data_begin, sha1_size, result.bytes.begin());
    result.size = sha1_size;
    return result;
  }
  return std::nullopt;
}

namespace {

crypto::rsa_block pad_once(const std::array<std::uint8_t, padded_size>& data, crypto::random_source& random) {
  crypto::ige_secret secret;
  random.fill(secret.key);
  const crypto::sha256_hash hash = crypto::sha256({secret.key, data});
  crypto::rsa_block block;
  const auto encrypted = std::span(block).subspan(temp_key_size);
  std::reverse_copy(data.begin(), data.end(), encrypted.begin());
  std::copy(hash.begin(), hash.end(), encrypted.begin() + padded_size);
  crypto::aes_ige_encrypt(encrypted, secret);
  const crypto::sha256_hash mask = crypto::sha256(encrypted);
  for (std::size_t i = 0; i < temp_key_size; ++i) {
    block[i] = secret.key[i] ^ mask[i];
  }
  return block;
}

} // namespace

crypto::rsa_block encrypt_inner_data(std::span<const std::uint8_t> data, rsa_scheme scheme,
                                     const crypto::rsa_public_key& key, crypto::random_source& random) {
  if (scheme == rsa_scheme::sha1) {
    crypto::rsa_block block;
    random.fill(block);
    block[0] = 0;
    const crypto::sha1_hash hash = crypto::sha1(data);
    std::copy(hash.begin(), hash.end(), block.begin() + sha1_begin);
    std::copy(data.begin(), data.end(), block.begin() + sha1_data_begin);
    return key.apply(block).value();
  }
  std::array<std::uint8_t, padded_size> padded;
  random.fill(padded);
  std::copy(data.begin(), data.end(), padded.begin());
  while (true) {
    // "If this number is greater or equal to the modulus, all steps are repeated with a new temp_key".
    if (const std::optional<crypto::rsa_block> sealed = key.apply(pad_once(padded, random))) {
      return *sealed;
    }
  }
}

} // namespace godwit::mtproto
