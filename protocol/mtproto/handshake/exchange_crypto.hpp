#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/crypto/aes_ige.hpp"
#include "protocol/crypto/dh.hpp"
#include "protocol/tl/reader.hpp"

/// What both sides of a key exchange derive from what they told each other.
/// Source: https://core.telegram.org/mtproto/auth_key
namespace godwit::mtproto {

/// tmp_aes_key and tmp_aes_iv (steps 5 and 6).
crypto::ige_secret temporary_secret(const tl::int256& new_nonce, const tl::int128& server_nonce);

/// substr(new_nonce, 0, 8) xor substr(server_nonce, 0, 8).
std::int64_t first_salt(const tl::int256& new_nonce, const tl::int128& server_nonce);

/// auth_key_aux_hash: the high 64 bits of the key's SHA-1, as the wire shows them.
std::int64_t aux_hash(const crypto::dh::number& key);

/// new_nonce_hash1, 2 and 3: with `number` the low 128 bits of the SHA-1 of new_nonce, number and aux_hash.
tl::int128 new_nonce_hash(const tl::int256& new_nonce, std::uint8_t number, std::int64_t aux);

/// SHA1(data), data, then so much of `padding` that 16 divides all; encrypted.
std::string seal(std::string_view data, std::span<const std::uint8_t, 16> padding, const crypto::ige_secret& secret);

/// What seal() made. Where the data ends only its content tells: read it through `data()`, then ask
/// `is_whole()`, and look at nothing before it said yes.
class opened_data {
public:
  /// Nothing when the size cannot be that of sealed data.
  static std::optional<opened_data> open(std::string_view sealed, const crypto::ige_secret& secret);

  opened_data(opened_data&&) noexcept = default;
  opened_data& operator=(opened_data&&) noexcept = default;
  ~opened_data();

  [[nodiscard]] tl::reader data() const;
  /// Whether everything up to where `reader` stands has the hash that came with it, and less than a block
  /// of padding follows.
  [[nodiscard]] bool is_whole(const tl::reader& reader) const;

private:
  explicit opened_data(std::vector<std::uint8_t> plain) : plain_(std::move(plain)) {}
  std::vector<std::uint8_t> plain_;
};

/// A number of the wire without leading zeros.
std::string big_endian(std::uint64_t number);

} // namespace godwit::mtproto
