#include "protocol/mtproto/handshake/server_handshake.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "config/limits.hpp"
#include "protocol/crypto/hash.hpp"
#include "protocol/crypto/pq.hpp"
#include "protocol/mtproto/handshake/exchange_crypto.hpp"
#include "protocol/mtproto/handshake/handshake_ids.hpp"
#include "protocol/mtproto/handshake/handshake_jobs.hpp"
#include "protocol/tl/writer.hpp"

namespace godwit::mtproto {
namespace {

enum class stage : std::uint8_t {
  fresh,       ///< waits for req_pq
  pq_sent,     ///< waits for req_DH_params
  deciphering, ///< decipher_job is out
  dh_sent,     ///< waits for set_client_DH_params
  agreeing,    ///< agree_job is out
  committing,  ///< the caller makes the key durable
  answered,    ///< dh_gen_ok or dh_gen_fail was sent
  over,        ///< an error ended it
};

bool is_req_pq(std::uint32_t id) { return id == ids::req_pq || id == ids::req_pq_multi; }

std::string dh_answer(std::uint32_t id, const exchange_numbers& numbers, const tl::int128& hash) {
  std::string body;
  tl::writer writer(body);
  writer.write_id(id);
  writer.write_int128(numbers.nonce);
  writer.write_int128(numbers.server_nonce);
  writer.write_int128(hash);
  return body;
}

} // namespace

/// Everything about one exchange. A failed one forgets its secrets at once.
struct server_handshake::state {
  state(server_keys own_keys, crypto::random_source& source, std::uint32_t number)
      : keys(std::move(own_keys)), random(source), last_ticket(std::uint64_t{number} << 32) {}

  server_keys keys;
  crypto::random_source& random;
  std::uint64_t last_ticket;

  stage at = stage::fresh;
  exchange_numbers numbers;
  wanted_key wanted;
  secret_number a;
  std::int64_t retry_id = 0;
  std::uint32_t retries = 0;
  secret_number key; ///< while it is being committed
  bool made = false;

  /// Repeats are known by the hash of the whole query.
  crypto::sha256_hash last_query{};
  std::string last_answer;

  handshake_result fail(handshake_errc code);
  handshake_result answer(stage next, std::string body);
  handshake_result hand_out(stage next, std::unique_ptr<handshake_work::job> job);
  [[nodiscard]] bool is_repeat(const crypto::sha256_hash& query) const;

  handshake_result req_pq(tl::reader& reader);
  handshake_result req_dh_params(tl::reader& reader, unix_time now);
  handshake_result set_client_dh_params(tl::reader& reader);
  handshake_result deciphered(decipher_job& job);
  handshake_result agreed(agree_job& job);
  [[nodiscard]] new_auth_key made_key() const;
};

handshake_result server_handshake::state::fail(handshake_errc code) {
  wanted = {};
  a = {};
  key = {};
  last_answer.clear();
  at = stage::over;
  return unexpected<handshake_errc>(code);
}

handshake_result server_handshake::state::answer(stage next, std::string body) {
  at = next;
  last_answer = std::move(body);
  return handshake_step(handshake_answer{last_answer});
}

handshake_result server_handshake::state::hand_out(stage next, std::unique_ptr<handshake_work::job> job) {
  at = next;
  last_answer.clear();
  return handshake_step(handshake_work(++last_ticket, std::move(job)));
}

bool server_handshake::state::is_repeat(const crypto::sha256_hash& query) const {
  return at != stage::fresh && at != stage::over && query == last_query;
}

handshake_result server_handshake::state::req_pq(tl::reader& reader) {
  const tl::int128 nonce = reader.read_int128();
  if (!reader.ok()) {
    return fail(handshake_errc::malformed);
  }
  std::array<std::uint8_t, 32> seed{};
  random.fill(seed);
  // Cheaper than to hand it to another thread.
  const crypto::pq_numbers pq = crypto::make_pq(seed);
  numbers.nonce = nonce;
  random.fill(numbers.server_nonce);
  numbers.pq = big_endian(pq.pq);
  numbers.p = big_endian(pq.p);
  numbers.q = big_endian(pq.q);
  wanted = {};
  a = {};
  key = {};
  retry_id = 0;
  retries = 0;
  made = false;

  std::string body;
  tl::writer writer(body);
  writer.write_id(ids::res_pq);
  writer.write_int128(numbers.nonce);
  writer.write_int128(numbers.server_nonce);
  writer.write_bytes(numbers.pq);
  writer.write_vector(keys->size());
  for (const crypto::rsa_private_key& each : *keys) {
    writer.write_long(static_cast<std::int64_t>(each.fingerprint()));
  }
  return answer(stage::pq_sent, std::move(body));
}

handshake_result server_handshake::state::req_dh_params(tl::reader& reader, unix_time now) {
  const bool nonces_agree = reader.read_int128() == numbers.nonce && reader.read_int128() == numbers.server_nonce;
  if (!reader.ok()) {
    return fail(handshake_errc::malformed);
  }
  if (!nonces_agree) {
    return fail(handshake_errc::wrong_nonce);
  }
  const bool factors_agree = reader.read_bytes() == numbers.p && reader.read_bytes() == numbers.q;
  if (reader.ok() && !factors_agree) {
    return fail(handshake_errc::wrong_factors);
  }
  const auto fingerprint = static_cast<std::uint64_t>(reader.read_long());
  const std::string_view encrypted = reader.read_bytes();
  crypto::rsa_block block;
  if (!reader.ok() || encrypted.size() != block.size()) {
    return fail(handshake_errc::malformed);
  }
  std::copy(encrypted.begin(), encrypted.end(), block.begin());
  const auto used = std::find_if(keys->begin(), keys->end(), [fingerprint](const crypto::rsa_private_key& each) {
    return each.fingerprint() == fingerprint;
  });
  if (used == keys->end()) {
    return fail(handshake_errc::unknown_key);
  }
  return hand_out(stage::deciphering, std::make_unique<decipher_job>(*used, block, numbers, now, random));
}

handshake_result server_handshake::state::deciphered(decipher_job& job) {
  if (!job.outcome) {
    return fail(job.outcome.error());
  }
  wanted = job.outcome->wanted;
  a = job.outcome->a;
  return answer(stage::dh_sent, std::move(job.outcome->answer));
}

handshake_result server_handshake::state::set_client_dh_params(tl::reader& reader) {
  const bool nonces_agree = reader.read_int128() == numbers.nonce && reader.read_int128() == numbers.server_nonce;
  const std::string_view encrypted = reader.read_bytes();
  if (!reader.ok()) {
    return fail(nonces_agree ? handshake_errc::malformed : handshake_errc::wrong_nonce);
  }
  if (!nonces_agree) {
    return fail(handshake_errc::wrong_nonce);
  }
  const auto opened = opened_data::open(encrypted, temporary_secret(wanted.new_nonce, numbers.server_nonce));
  if (!opened) {
    return fail(handshake_errc::undecipherable);
  }
  tl::reader inner = opened->data();
  const std::uint32_t id = inner.read_id();
  const tl::int128 nonce = inner.read_int128();
  const tl::int128 server_nonce = inner.read_int128();
  const std::int64_t inner_retry_id = inner.read_long();
  const std::string_view g_b = inner.read_bytes();
  if (!opened->is_whole(inner)) {
    return fail(handshake_errc::undecipherable);
  }
  // "retry_id is equal to zero at the time of the first attempt; otherwise, it is equal to auth_key_aux_hash from
  // the previous failed attempt."
  if (id != ids::client_dh_inner_data || nonce != numbers.nonce || server_nonce != numbers.server_nonce ||
      inner_retry_id != retry_id) {
    return fail(handshake_errc::bad_inner_data);
  }
  const std::optional<crypto::dh::number> number = crypto::dh::number_from(crypto::as_bytes(g_b));
  if (!number || !crypto::dh::in_range(*number)) {
    return fail(handshake_errc::bad_group);
  }
  return hand_out(stage::agreeing, std::make_unique<agree_job>(a, *number));
}

new_auth_key server_handshake::state::made_key() const {
  new_auth_key result;
  result.key.bytes = key.value;
  result.id = result.key.id();
  result.kind = wanted.kind;
  result.expires_in_seconds = wanted.expires_in_seconds;
  result.dc = wanted.dc;
  result.server_salt = first_salt(wanted.new_nonce, numbers.server_nonce);
  return result;
}

handshake_result server_handshake::state::agreed(agree_job& job) {
  if (!job.key) {
    return fail(handshake_errc::failed);
  }
  key = *job.key;
  at = stage::committing;
  return handshake_step(commit_key{made_key()});
}

server_handshake::server_handshake(server_keys keys, crypto::random_source& random, std::uint32_t number)
    : state_(std::make_unique<state>(std::move(keys), random, number)) {}
server_handshake::~server_handshake() = default;
server_handshake::server_handshake(server_handshake&&) noexcept = default;
server_handshake& server_handshake::operator=(server_handshake&&) noexcept = default;

handshake_result server_handshake::handle(std::string_view body, unix_time now) {
  const crypto::sha256_hash query = crypto::sha256(crypto::as_bytes(body));
  // "If the server has already sent a response to this query ... the server simply re-sends the same response."
  if (state_->is_repeat(query)) {
    if (state_->last_answer.empty()) {
      return handshake_step(nothing_to_do{});
    }
    return handshake_step(handshake_answer{state_->last_answer});
  }
  state_->last_query = query;
  // What stands behind a query is passed over: TDLib pads unencrypted messages, inside of their length.
  tl::reader reader(body);
  const std::uint32_t id = reader.read_id();
  if (is_req_pq(id)) {
    return state_->req_pq(reader);
  }
  if (id == ids::req_dh_params) {
    return state_->at == stage::pq_sent ? state_->req_dh_params(reader, now)
                                        : state_->fail(handshake_errc::out_of_order);
  }
  if (id == ids::set_client_dh_params) {
    return state_->at == stage::dh_sent ? state_->set_client_dh_params(reader)
                                        : state_->fail(handshake_errc::out_of_order);
  }
  return state_->fail(handshake_errc::malformed);
}

handshake_result server_handshake::finish(handshake_work work) {
  const bool awaited = state_->at == stage::deciphering || state_->at == stage::agreeing;
  if (!awaited || work.ticket() != state_->last_ticket) {
    return handshake_step(nothing_to_do{});
  }
  return state_->at == stage::deciphering ? state_->deciphered(static_cast<decipher_job&>(work.what()))
                                          : state_->agreed(static_cast<agree_job&>(work.what()));
}

handshake_result server_handshake::key_committed(commit_outcome outcome) {
  if (state_->at != stage::committing) {
    return handshake_step(nothing_to_do{});
  }
  const std::int64_t aux = aux_hash(state_->key.value);
  const auto answer = [this, aux](std::uint32_t id, std::uint8_t number) {
    return dh_answer(id, state_->numbers, new_nonce_hash(state_->wanted.new_nonce, number, aux));
  };
  state_->key = {};
  if (outcome == commit_outcome::id_taken && state_->retries < limits::dh_retries_max) {
    ++state_->retries;
    state_->retry_id = aux;
    return state_->answer(stage::dh_sent, answer(ids::dh_gen_retry, 2));
  }
  state_->made = outcome == commit_outcome::durable;
  std::string body = state_->made ? answer(ids::dh_gen_ok, 1) : answer(ids::dh_gen_fail, 3);
  state_->a = {};
  state_->wanted = {};
  return state_->answer(stage::answered, std::move(body));
}

bool server_handshake::done() const { return state_->at == stage::answered && state_->made; }

std::optional<tl::int128> handshake_nonce(std::string_view body) {
  tl::reader reader(body);
  const std::uint32_t id = reader.read_id();
  const tl::int128 nonce = reader.read_int128();
  if (!reader.ok() || !(is_req_pq(id) || id == ids::req_dh_params || id == ids::set_client_dh_params)) {
    return std::nullopt;
  }
  return nonce;
}

} // namespace godwit::mtproto
