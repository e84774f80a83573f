#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/crypto/dh.hpp"
#include "protocol/crypto/pq.hpp"
#include "protocol/mtproto/handshake/exchange_crypto.hpp"
#include "protocol/mtproto/handshake/handshake_ids.hpp"
#include "protocol/mtproto/handshake/rsa_padding.hpp"
#include "protocol/mtproto/handshake/server_handshake.hpp"
#include "protocol/tl/reader.hpp"
#include "protocol/tl/writer.hpp"
#include "tests/protocol/mtproto/handshake/handshake_support.hpp"

namespace godwit::test {

/// A client whose every field can be made wrong: each query is put together from the members as they are.
struct manual_client {
  seeded_random random;
  tl::int128 nonce{};
  tl::int128 server_nonce{};
  std::string pq;
  std::string p;
  std::string q;

  mtproto::rsa_scheme scheme = mtproto::rsa_scheme::pad;
  std::uint64_t fingerprint = keys_of_server()->at(0).fingerprint();

  // p_q_inner_data
  std::uint32_t inner_id = mtproto::ids::p_q_inner_data_dc;
  tl::int128 inner_nonce{};
  tl::int128 inner_server_nonce{};
  std::string inner_pq;
  std::string inner_p;
  std::string inner_q;
  tl::int256 new_nonce{};
  std::optional<std::int32_t> dc = 2;
  std::optional<std::int32_t> expires_in;
  std::string behind_inner;

  // client_DH_inner_data
  std::uint32_t number_id = mtproto::ids::client_dh_inner_data;
  std::int64_t retry_id = 0;
  crypto::dh::number b{};
  std::string g_b;

  explicit manual_client(std::uint64_t seed) : random(seed) {
    random.fill(nonce);
    random.fill(new_nonce);
    random.fill(b);
    inner_nonce = nonce;
    g_b = crypto::as_text(crypto::dh::power(b));
  }

  [[nodiscard]] std::string req_pq(std::uint32_t id = mtproto::ids::req_pq_multi) const {
    std::string body;
    tl::writer writer(body);
    writer.write_id(id);
    writer.write_int128(nonce);
    return body;
  }

  void take_res_pq(std::string_view body) {
    tl::reader reader(body);
    reader.read_id();
    reader.read_int128();
    server_nonce = inner_server_nonce = reader.read_int128();
    pq = inner_pq = reader.read_bytes();
    std::uint64_t number = 0;
    for (const char byte : pq) {
      number = number << 8 | static_cast<std::uint8_t>(byte);
    }
    const auto factors = crypto::factorize(number);
    p = inner_p = mtproto::big_endian(factors->p);
    q = inner_q = mtproto::big_endian(factors->q);
  }

  [[nodiscard]] std::string inner_data() const {
    std::string body;
    tl::writer writer(body);
    writer.write_id(inner_id);
    writer.write_bytes(inner_pq);
    writer.write_bytes(inner_p);
    writer.write_bytes(inner_q);
    writer.write_int128(inner_nonce);
    writer.write_int128(inner_server_nonce);
    writer.write_int256(new_nonce);
    if (dc) {
      writer.write_int(*dc);
    }
    if (expires_in) {
      writer.write_int(*expires_in);
    }
    return body + behind_inner;
  }

  [[nodiscard]] std::string req_dh_params() {
    const std::string inner = inner_data();
    const auto encrypted =
      mtproto::encrypt_inner_data(crypto::as_bytes(inner), scheme, keys_of_server()->at(0).public_key(), random);
    return req_dh_params_with(crypto::as_text(encrypted));
  }

  [[nodiscard]] std::string req_dh_params_with(std::string_view encrypted) const {
    std::string body;
    tl::writer writer(body);
    writer.write_id(mtproto::ids::req_dh_params);
    writer.write_int128(nonce);
    writer.write_int128(server_nonce);
    writer.write_bytes(p);
    writer.write_bytes(q);
    writer.write_long(static_cast<std::int64_t>(fingerprint));
    writer.write_bytes(encrypted);
    return body;
  }

  [[nodiscard]] std::string number_data() const {
    std::string body;
    tl::writer writer(body);
    writer.write_id(number_id);
    writer.write_int128(inner_nonce);
    writer.write_int128(inner_server_nonce);
    writer.write_long(retry_id);
    writer.write_bytes(g_b);
    return body;
  }

  [[nodiscard]] crypto::ige_secret secret() const { return mtproto::temporary_secret(new_nonce, server_nonce); }

  [[nodiscard]] std::string set_client_dh_params() const {
    return set_client_dh_params_with(mtproto::seal(number_data(), std::array<std::uint8_t, 16>{}, secret()));
  }

  [[nodiscard]] std::string set_client_dh_params_with(std::string_view sealed) const {
    std::string body;
    tl::writer writer(body);
    writer.write_id(mtproto::ids::set_client_dh_params);
    writer.write_int128(nonce);
    writer.write_int128(server_nonce);
    writer.write_bytes(sealed);
    return body;
  }
};

} // namespace godwit::test
