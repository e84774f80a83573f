#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "protocol/crypto/dh.hpp"
#include "protocol/crypto/rsa.hpp"
#include "protocol/mtproto/handshake/handshake_types.hpp"
#include "protocol/mtproto/handshake/server_handshake.hpp"
#include "protocol/tl/reader.hpp"

/// The expensive steps of server_handshake. Each holds copies of what it needs.
namespace godwit::mtproto {

class handshake_work::job {
public:
  job() = default;
  virtual ~job() = default;
  job(const job&) = delete;
  job& operator=(const job&) = delete;

  virtual void run() = 0;
};

/// A secret exponent that wipes itself.
struct secret_number {
  crypto::dh::number value{};

  secret_number() = default;
  secret_number(const secret_number&) = default;
  secret_number& operator=(const secret_number&) = default;
  ~secret_number() { crypto::wipe(value); }
};

/// The numbers that both sides know before RSA.
struct exchange_numbers {
  tl::int128 nonce{};
  tl::int128 server_nonce{};
  std::string pq;
  std::string p;
  std::string q;
};

/// What p_q_inner_data asks for.
struct wanted_key {
  tl::int256 new_nonce{};
  key_kind kind = key_kind::permanent;
  std::int32_t expires_in_seconds = 0;
  std::optional<std::int32_t> dc;
};

/// req_DH_params: decrypts and checks p_q_inner_data, then makes the answer.
class decipher_job final : public handshake_work::job {
public:
  decipher_job(crypto::rsa_private_key key, const crypto::rsa_block& encrypted, exchange_numbers numbers, unix_time now,
               crypto::random_source& random);
  void run() override;

  struct result {
    wanted_key wanted;
    secret_number a;
    std::string answer;
  };
  expected<result, handshake_errc> outcome = unexpected<handshake_errc>(handshake_errc::failed);

private:
  [[nodiscard]] expected<wanted_key, handshake_errc> read_inner_data() const;
  [[nodiscard]] std::string make_answer(const wanted_key& wanted, const crypto::dh::number& g_a) const;

  crypto::rsa_private_key key_;
  crypto::rsa_block encrypted_;
  exchange_numbers numbers_;
  unix_time now_;
  secret_number a_;
  std::array<std::uint8_t, 16> padding_{};
};

/// set_client_DH_params: the shared key.
class agree_job final : public handshake_work::job {
public:
  agree_job(const secret_number& a, const crypto::dh::number& g_b) : a_(a), g_b_(g_b) {}
  void run() override;

  std::optional<secret_number> key;

private:
  secret_number a_;
  crypto::dh::number g_b_;
};

} // namespace godwit::mtproto
