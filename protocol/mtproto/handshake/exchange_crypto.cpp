#include "protocol/mtproto/handshake/exchange_crypto.hpp"

#include <algorithm>
#include <cstring>

#include "protocol/crypto/hash.hpp"

namespace godwit::mtproto {
namespace {

constexpr std::size_t hash_size = sizeof(crypto::sha1_hash);
constexpr std::size_t block_size = 16;

std::int64_t little_endian(const std::uint8_t* bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < sizeof(value); ++i) {
    value |= std::uint64_t{bytes[i]} << (8 * i);
  }
  return static_cast<std::int64_t>(value);
}

} // namespace

crypto::ige_secret temporary_secret(const tl::int256& new_nonce, const tl::int128& server_nonce) {
  crypto::sha1_hash new_server = crypto::sha1({new_nonce, server_nonce});
  crypto::sha1_hash server_new = crypto::sha1({server_nonce, new_nonce});
  crypto::sha1_hash new_new = crypto::sha1({new_nonce, new_nonce});
  crypto::ige_secret secret;
  std::memcpy(secret.key.data(), new_server.data(), 20);
  std::memcpy(secret.key.data() + 20, server_new.data(), 12);
  std::memcpy(secret.iv.data(), server_new.data() + 12, 8);
  std::memcpy(secret.iv.data() + 8, new_new.data(), 20);
  std::memcpy(secret.iv.data() + 28, new_nonce.data(), 4);
  for (crypto::sha1_hash* each : {&new_server, &server_new, &new_new}) {
    crypto::wipe(*each);
  }
  return secret;
}

std::int64_t first_salt(const tl::int256& new_nonce, const tl::int128& server_nonce) {
  return little_endian(new_nonce.data()) ^ little_endian(server_nonce.data());
}

std::int64_t aux_hash(const crypto::dh::number& key) { return little_endian(crypto::sha1(key).data()); }

tl::int128 new_nonce_hash(const tl::int256& new_nonce, std::uint8_t number, std::int64_t aux) {
  std::array<std::uint8_t, 9> end{number};
  for (std::size_t i = 0; i < 8; ++i) {
    end[1 + i] = static_cast<std::uint8_t>(static_cast<std::uint64_t>(aux) >> (8 * i));
  }
  const crypto::sha1_hash hash = crypto::sha1({new_nonce, end});
  tl::int128 low;
  std::memcpy(low.data(), hash.data() + 4, low.size());
  return low;
}

std::string seal(std::string_view data, std::span<const std::uint8_t, 16> padding, const crypto::ige_secret& secret) {
  std::string out(crypto::as_text(crypto::sha1(crypto::as_bytes(data))));
  out += data;
  const std::size_t missing = (block_size - out.size() % block_size) % block_size;
  out += crypto::as_text(padding.first(missing));
  crypto::aes_ige_encrypt({reinterpret_cast<std::uint8_t*>(out.data()), out.size()}, secret);
  return out;
}

std::optional<opened_data> opened_data::open(std::string_view sealed, const crypto::ige_secret& secret) {
  // The longest is server_DH_inner_data, some 580 bytes.
  constexpr std::size_t sealed_bytes_max = 1024;
  if (sealed.size() < hash_size || sealed.size() > sealed_bytes_max || sealed.size() % block_size != 0) {
    return std::nullopt;
  }
  const crypto::bytes_view bytes = crypto::as_bytes(sealed);
  std::vector<std::uint8_t> plain(bytes.begin(), bytes.end());
  crypto::aes_ige_decrypt(plain, secret);
  return opened_data(std::move(plain));
}

opened_data::~opened_data() { crypto::wipe(plain_); }

tl::reader opened_data::data() const { return tl::reader(std::span(plain_).subspan(hash_size)); }

bool opened_data::is_whole(const tl::reader& reader) const {
  if (!reader.ok() || reader.remaining() >= block_size) {
    return false;
  }
  const crypto::bytes_view all(plain_);
  const crypto::bytes_view data = all.subspan(hash_size, all.size() - hash_size - reader.remaining());
  return crypto::equal(crypto::sha1(data), all.first(hash_size));
}

std::string big_endian(std::uint64_t number) {
  std::string bytes;
  for (; number != 0; number >>= 8) {
    bytes.insert(bytes.begin(), static_cast<char>(static_cast<unsigned char>(number)));
  }
  return bytes;
}

} // namespace godwit::mtproto
