#include "protocol/mtproto/handshake/handshake_jobs.hpp"

#include <algorithm>
#include <utility>

#include "config/limits.hpp"
#include "protocol/mtproto/handshake/exchange_crypto.hpp"
#include "protocol/mtproto/handshake/handshake_ids.hpp"
#include "protocol/mtproto/handshake/rsa_padding.hpp"
#include "protocol/tl/writer.hpp"

namespace godwit::mtproto {
namespace {

struct inner_form {
  bool has_dc = false;
  bool is_temporary = false;
};

std::optional<inner_form> form_of(std::uint32_t id) {
  switch (id) {
  case ids::p_q_inner_data: return inner_form{false, false};
  case ids::p_q_inner_data_dc: return inner_form{true, false};
  case ids::p_q_inner_data_temp: return inner_form{false, true};
  case ids::p_q_inner_data_temp_dc: return inner_form{true, true};
  default: return std::nullopt;
  }
}

} // namespace

handshake_work::handshake_work(std::uint64_t ticket, std::unique_ptr<job> what)
    : ticket_(ticket), job_(std::move(what)) {}
handshake_work::~handshake_work() = default;
handshake_work::handshake_work(handshake_work&&) noexcept = default;
handshake_work& handshake_work::operator=(handshake_work&&) noexcept = default;

void handshake_work::run() { job_->run(); }

decipher_job::decipher_job(crypto::rsa_private_key key, const crypto::rsa_block& encrypted, exchange_numbers numbers,
                           unix_time now, crypto::random_source& random)
    : key_(std::move(key)), encrypted_(encrypted), numbers_(std::move(numbers)), now_(now) {
  random.fill(a_.value);
  random.fill(padding_);
}

void decipher_job::run() {
  expected<wanted_key, handshake_errc> wanted = read_inner_data();
  if (!wanted) {
    outcome = unexpected<handshake_errc>(wanted.error());
    return;
  }
  const crypto::dh::number g_a = crypto::dh::power(a_.value);
  if (!crypto::dh::in_range(g_a)) {
    outcome = unexpected<handshake_errc>(handshake_errc::failed); // happens once in 2^63 exchanges
    return;
  }
  std::string answer = make_answer(*wanted, g_a);
  outcome = result{std::move(*wanted), a_, std::move(answer)};
}

expected<wanted_key, handshake_errc> decipher_job::read_inner_data() const {
  std::optional<crypto::rsa_block> plain = key_.apply(encrypted_);
  const std::optional<unpadded_data> data = plain ? unpad(*plain) : std::nullopt;
  if (plain) {
    crypto::wipe(*plain);
  }
  if (!data) {
    return unexpected<handshake_errc>(handshake_errc::undecipherable);
  }
  tl::reader reader(std::span(data->bytes).first(data->size));
  const std::optional<inner_form> form = form_of(reader.read_id());
  const bool factors_agree =
    reader.read_bytes() == numbers_.pq && reader.read_bytes() == numbers_.p && reader.read_bytes() == numbers_.q;
  const bool nonces_agree = reader.read_int128() == numbers_.nonce && reader.read_int128() == numbers_.server_nonce;
  if (!form || !factors_agree || !nonces_agree) {
    return unexpected<handshake_errc>(handshake_errc::bad_inner_data);
  }
  wanted_key wanted;
  wanted.new_nonce = reader.read_int256();
  if (form->has_dc) {
    wanted.dc = reader.read_int();
  }
  if (form->is_temporary) {
    wanted.kind = key_kind::temporary;
    const std::int32_t asked = reader.read_int();
    wanted.expires_in_seconds = std::min(asked, limits::temp_key_seconds_max);
  }
  // Behind data of RSA_PAD comes padding; the SHA-1 scheme says where the data ends.
  const bool ends_right = reader.ok() && (data->scheme == rsa_scheme::pad || reader.remaining() == 0);
  if (!ends_right || (form->is_temporary && wanted.expires_in_seconds < 1)) {
    return unexpected<handshake_errc>(handshake_errc::bad_inner_data);
  }
  return wanted;
}

std::string decipher_job::make_answer(const wanted_key& wanted, const crypto::dh::number& g_a) const {
  std::string inner;
  tl::writer writer(inner);
  writer.write_id(ids::server_dh_inner_data);
  writer.write_int128(numbers_.nonce);
  writer.write_int128(numbers_.server_nonce);
  writer.write_int(crypto::dh::generator);
  writer.write_bytes(crypto::as_text(crypto::dh::prime));
  writer.write_bytes(crypto::as_text(g_a));
  writer.write_int(now_);

  std::string answer;
  tl::writer outer(answer);
  outer.write_id(ids::server_dh_params_ok);
  outer.write_int128(numbers_.nonce);
  outer.write_int128(numbers_.server_nonce);
  outer.write_bytes(seal(inner, padding_, temporary_secret(wanted.new_nonce, numbers_.server_nonce)));
  return answer;
}

void agree_job::run() {
  secret_number shared;
  shared.value = crypto::dh::power(g_b_, a_.value);
  key = shared;
}

} // namespace godwit::mtproto
