#include "protocol/mtproto/handshake/client_handshake.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "config/limits.hpp"
#include "protocol/crypto/dh.hpp"
#include "protocol/crypto/pq.hpp"
#include "protocol/mtproto/handshake/exchange_crypto.hpp"
#include "protocol/mtproto/handshake/handshake_ids.hpp"
#include "protocol/mtproto/handshake/handshake_jobs.hpp"
#include "protocol/mtproto/handshake/rsa_padding.hpp"
#include "protocol/tl/writer.hpp"

namespace godwit::mtproto {
namespace {

using client_result = expected<std::variant<handshake_query, new_auth_key>, handshake_errc>;

enum class client_stage : std::uint8_t { fresh, asked_pq, asked_dh, told_number, over };

client_result query(std::string body) {
  return std::variant<handshake_query, new_auth_key>(handshake_query{std::move(body)});
}

std::uint64_t number_of(std::string_view big_endian) {
  std::uint64_t value = 0;
  for (const char byte : big_endian) {
    value = value << 8 | static_cast<std::uint8_t>(byte);
  }
  return value;
}

} // namespace

struct client_handshake::state {
  client_handshake_options options;
  crypto::random_source& random;
  client_stage at = client_stage::fresh;
  exchange_numbers numbers{};
  tl::int256 new_nonce{};
  crypto::dh::number g_a{};
  crypto::auth_key key{};
  std::int64_t retry_id = 0;
  std::uint32_t retries = 0;
  unix_time server_time = 0;

  [[nodiscard]] bool nonces_agree(tl::reader& reader) const {
    return reader.read_int128() == numbers.nonce && reader.read_int128() == numbers.server_nonce;
  }

  client_result fail(handshake_errc code);
  client_result take_pq(tl::reader& reader);
  client_result take_params(tl::reader& reader);
  client_result take_outcome(tl::reader& reader);
  client_result ask_params(const crypto::rsa_public_key& server_key);
  std::string inner_data();
  client_result tell_number();
};

client_result client_handshake::state::fail(handshake_errc code) {
  at = client_stage::over;
  return unexpected<handshake_errc>(code);
}

client_result client_handshake::state::take_pq(tl::reader& reader) {
  if (reader.read_id() != ids::res_pq) {
    return fail(handshake_errc::malformed);
  }
  if (reader.read_int128() != numbers.nonce) {
    return fail(handshake_errc::wrong_nonce);
  }
  numbers.server_nonce = reader.read_int128();
  numbers.pq = reader.read_bytes();
  const std::size_t count = reader.read_vector(8);
  const crypto::rsa_public_key* known = nullptr;
  for (std::size_t i = 0; i < count; ++i) {
    const auto fingerprint = static_cast<std::uint64_t>(reader.read_long());
    for (const crypto::rsa_public_key& each : options.server_keys) {
      if (known == nullptr && each.fingerprint() == fingerprint) {
        known = &each;
      }
    }
  }
  if (!reader.finish() || numbers.pq.size() > 8) {
    return fail(handshake_errc::malformed);
  }
  if (known == nullptr) {
    return fail(handshake_errc::unknown_key);
  }
  const std::optional<crypto::pq_numbers> factors = crypto::factorize(number_of(numbers.pq));
  if (!factors) {
    return fail(handshake_errc::wrong_factors);
  }
  numbers.p = big_endian(factors->p);
  numbers.q = big_endian(factors->q);
  return ask_params(*known);
}

std::string client_handshake::state::inner_data() {
  std::string body;
  tl::writer writer(body);
  const bool temporary = options.expires_in_seconds.has_value();
  writer.write_id(temporary ? (options.dc ? ids::p_q_inner_data_temp_dc : ids::p_q_inner_data_temp)
                            : (options.dc ? ids::p_q_inner_data_dc : ids::p_q_inner_data));
  writer.write_bytes(numbers.pq);
  writer.write_bytes(numbers.p);
  writer.write_bytes(numbers.q);
  writer.write_int128(numbers.nonce);
  writer.write_int128(numbers.server_nonce);
  writer.write_int256(new_nonce);
  if (options.dc) {
    writer.write_int(*options.dc);
  }
  if (temporary) {
    writer.write_int(*options.expires_in_seconds);
  }
  return body;
}

client_result client_handshake::state::ask_params(const crypto::rsa_public_key& server_key) {
  random.fill(new_nonce);
  const rsa_scheme scheme = options.rsa_pad ? rsa_scheme::pad : rsa_scheme::sha1;
  const std::string inner = inner_data();
  const crypto::rsa_block encrypted = encrypt_inner_data(crypto::as_bytes(inner), scheme, server_key, random);
  std::string body;
  tl::writer writer(body);
  writer.write_id(ids::req_dh_params);
  writer.write_int128(numbers.nonce);
  writer.write_int128(numbers.server_nonce);
  writer.write_bytes(numbers.p);
  writer.write_bytes(numbers.q);
  writer.write_long(static_cast<std::int64_t>(server_key.fingerprint()));
  writer.write_bytes(crypto::as_text(encrypted));
  at = client_stage::asked_dh;
  return query(std::move(body));
}

client_result client_handshake::state::take_params(tl::reader& reader) {
  const std::uint32_t id = reader.read_id();
  if (!nonces_agree(reader)) {
    return fail(handshake_errc::wrong_nonce);
  }
  if (id != ids::server_dh_params_ok) {
    return fail(id == ids::server_dh_params_fail ? handshake_errc::failed : handshake_errc::malformed);
  }
  const std::string_view encrypted = reader.read_bytes();
  if (!reader.finish()) {
    return fail(handshake_errc::malformed);
  }
  const auto opened = opened_data::open(encrypted, temporary_secret(new_nonce, numbers.server_nonce));
  if (!opened) {
    return fail(handshake_errc::undecipherable);
  }
  tl::reader inner = opened->data();
  const std::uint32_t inner_id = inner.read_id();
  const bool inner_nonces_agree = nonces_agree(inner);
  const std::int32_t g = inner.read_int();
  const auto prime = crypto::dh::number_from(crypto::as_bytes(inner.read_bytes()));
  const auto their_number = crypto::dh::number_from(crypto::as_bytes(inner.read_bytes()));
  const unix_time time = inner.read_int();
  if (!opened->is_whole(inner)) {
    return fail(handshake_errc::undecipherable);
  }
  if (inner_id != ids::server_dh_inner_data || !inner_nonces_agree) {
    return fail(handshake_errc::bad_inner_data);
  }
  // The exponentiations here know one group.
  if (!prime || *prime != crypto::dh::prime || g != crypto::dh::generator || !their_number ||
      !crypto::dh::is_good_group(*prime, g) || !crypto::dh::in_range(*their_number)) {
    return fail(handshake_errc::bad_group);
  }
  server_time = time;
  g_a = *their_number;
  return tell_number();
}

client_result client_handshake::state::tell_number() {
  secret_number b;
  crypto::dh::number g_b;
  do {
    random.fill(b.value);
    g_b = crypto::dh::power(b.value);
  } while (!crypto::dh::in_range(g_b));
  key.bytes = crypto::dh::power(g_a, b.value);

  std::string inner;
  tl::writer inner_writer(inner);
  inner_writer.write_id(ids::client_dh_inner_data);
  inner_writer.write_int128(numbers.nonce);
  inner_writer.write_int128(numbers.server_nonce);
  inner_writer.write_long(retry_id);
  inner_writer.write_bytes(crypto::as_text(g_b));
  std::array<std::uint8_t, 16> padding{};
  random.fill(padding);

  std::string body;
  tl::writer writer(body);
  writer.write_id(ids::set_client_dh_params);
  writer.write_int128(numbers.nonce);
  writer.write_int128(numbers.server_nonce);
  writer.write_bytes(seal(inner, padding, temporary_secret(new_nonce, numbers.server_nonce)));
  at = client_stage::told_number;
  return query(std::move(body));
}

client_result client_handshake::state::take_outcome(tl::reader& reader) {
  const std::uint32_t id = reader.read_id();
  if (!nonces_agree(reader)) {
    return fail(handshake_errc::wrong_nonce);
  }
  const tl::int128 hash = reader.read_int128();
  const std::uint8_t number = id == ids::dh_gen_ok ? 1 : id == ids::dh_gen_retry ? 2 : id == ids::dh_gen_fail ? 3 : 0;
  if (!reader.finish() || number == 0) {
    return fail(handshake_errc::malformed);
  }
  const std::int64_t aux = aux_hash(key.bytes);
  if (!crypto::equal(hash, new_nonce_hash(new_nonce, number, aux))) {
    return fail(handshake_errc::wrong_nonce);
  }
  if (id == ids::dh_gen_fail) {
    return fail(handshake_errc::failed);
  }
  if (id == ids::dh_gen_retry) {
    if (++retries > limits::dh_retries_max) {
      return fail(handshake_errc::retries_used_up);
    }
    retry_id = aux;
    return tell_number();
  }
  at = client_stage::over;
  new_auth_key result;
  result.key = key;
  result.id = key.id();
  result.kind = options.expires_in_seconds ? key_kind::temporary : key_kind::permanent;
  result.expires_in_seconds = options.expires_in_seconds.value_or(0);
  result.dc = options.dc;
  result.server_salt = first_salt(new_nonce, numbers.server_nonce);
  return std::variant<handshake_query, new_auth_key>(std::move(result));
}

client_handshake::client_handshake(client_handshake_options options, crypto::random_source& random)
    : state_(std::make_unique<state>(state{std::move(options), random})) {}
client_handshake::~client_handshake() = default;
client_handshake::client_handshake(client_handshake&&) noexcept = default;
client_handshake& client_handshake::operator=(client_handshake&&) noexcept = default;

std::string client_handshake::start() {
  state_->random.fill(state_->numbers.nonce);
  std::string body;
  tl::writer writer(body);
  writer.write_id(state_->options.multi ? ids::req_pq_multi : ids::req_pq);
  writer.write_int128(state_->numbers.nonce);
  state_->at = client_stage::asked_pq;
  return body;
}

client_result client_handshake::handle(std::string_view body) {
  tl::reader reader(body);
  switch (state_->at) {
  case client_stage::asked_pq: return state_->take_pq(reader);
  case client_stage::asked_dh: return state_->take_params(reader);
  case client_stage::told_number: return state_->take_outcome(reader);
  case client_stage::fresh:
  case client_stage::over: break;
  }
  return state_->fail(handshake_errc::out_of_order);
}

unix_time client_handshake::server_time() const { return state_->server_time; }

} // namespace godwit::mtproto
