#include "actors/account/phone_logic.hpp"

#include <algorithm>
#include <array>

#include "actors/account/phone_number.hpp"
#include "actors/people/account_core.hpp"
#include "config/limits.hpp"
#include "protocol/crypto/bytes.hpp"

namespace godwit::account {
namespace {

using persistence::records::PhoneClaim;
using persistence::records::PhoneCode;

constexpr std::uint32_t reserved = 1;
constexpr std::uint32_t owned_state = 2;
constexpr std::int32_t day_seconds = 86'400;
/// How long an account that changes its number holds the new one before it is asked.
constexpr std::int32_t reservation_seconds = 600;
/// Whoever proved the code of a number without an account has this long to type a name.
constexpr std::int32_t proof_seconds = 900;
/// User ids: below 2^40, and above the numbers that clients know by heart.
constexpr std::uint64_t user_id_bits = (std::uint64_t{1} << 40) - 1;
constexpr std::uint64_t user_id_min = std::uint64_t{1} << 24;

template <class Message>
rpc_result<std::string> encoded(const Message& message) {
  return message.SerializeAsString();
}

} // namespace

std::vector<records_table> phone_logic::tables() const {
  return {records_table::phone_claim, records_table::phone_codes, records_table::phone_code};
}

bool phone_logic::load(records_table table, std::string_view sub_key, std::string_view value) {
  const std::string bytes(value);
  if (table == records_table::phone_claim) {
    return claim_.emplace().ParseFromString(bytes);
  }
  if (table == records_table::phone_codes) {
    return asked_for_.ParseFromString(bytes);
  }
  const auto key = id_of_sub_key(sub_key);
  return key && codes_[*key].ParseFromString(bytes);
}

void phone_logic::handle(const logic_request& request, unix_time now, entity_effects& out) {
  command::PhoneCommand what;
  if (request.type != cluster::request_type::command || !what.ParseFromString(std::string(request.body)) ||
      cluster::scattered(what.number()) != self_) {
    out.answer(request.ticket, unexpected(rpc_error{rpc_errc::method_invalid}));
    return;
  }
  forget_expired(now, out);
  run(request.ticket, what, false, now, out);
}

void phone_logic::run(std::uint64_t ticket, const command::PhoneCommand& what, bool asked, unix_time now,
                      entity_effects& out) {
  if (!asked && must_ask(what, now)) {
    if (asking_.size() >= limits::phone_questions_max) {
      out.answer(ticket, unexpected(rpc_error{rpc_errc::rpc_call_fail}));
      return;
    }
    command::UserCommand question;
    question.mutable_owns_phone()->set_phone(what.number());
    const auto holder = static_cast<std::uint64_t>(claim_->user());
    asking_[++last_token_] = {ticket, what};
    out.commands.push_back(
      {{cluster::entity_kind::user, cluster::entity_id{holder}}, question.SerializeAsString(), last_token_});
    return;
  }
  using command::PhoneCommand;
  switch (what.what_case()) {
  case PhoneCommand::kRequestCode:
    return out.answer(ticket, request_code(what.number(), what.request_code(), now, out));
  case PhoneCommand::kResendCode: return out.answer(ticket, resend_code(what.number(), what.resend_code(), now, out));
  case PhoneCommand::kCancelCode: return out.answer(ticket, cancel_code(what.cancel_code(), now, out));
  case PhoneCommand::kCheckCode: return out.answer(ticket, check_code(what.check_code(), now, out));
  case PhoneCommand::kReserveClaim: return out.answer(ticket, reserve_claim(what.reserve_claim(), now, out));
  case PhoneCommand::kConfirmClaim: return out.answer(ticket, confirm_claim(what.confirm_claim(), out));
  case PhoneCommand::kReleaseClaim: return out.answer(ticket, release_claim(what.release_claim(), out));
  case PhoneCommand::kPendingCodes: return out.answer(ticket, pending_codes(now));
  case PhoneCommand::kFindOwner: return out.answer(ticket, claim_answer());
  case PhoneCommand::WHAT_NOT_SET: break;
  }
  out.answer(ticket, unexpected(rpc_error{rpc_errc::method_invalid}));
}

// --- the claim ---------------------------------------------------------------------------------------

bool phone_logic::must_ask(const command::PhoneCommand& what, unix_time now) const {
  if (!claim_ || claim_->state() != reserved) {
    return false;
  }
  if (what.has_check_code()) {
    return true;
  }
  // A reservation of an existing account holds until it expires; then the account knows whether it went on.
  return what.has_reserve_claim() && claim_->expires_at() != 0 && claim_->expires_at() <= now &&
         claim_->user() != what.reserve_claim().user();
}

void phone_logic::replied(std::uint64_t token, const rpc_result<std::string>& what, unix_time now,
                          entity_effects& out) {
  const auto found = asking_.find(token);
  if (found == asking_.end()) {
    return;
  }
  const waiting held = std::move(found->second);
  asking_.erase(found);
  command::PhoneOwned said;
  if (!what || !said.ParseFromString(*what)) {
    out.answer(held.ticket, unexpected(rpc_error{rpc_errc::rpc_call_fail}));
    return;
  }
  settle(said.owned(), now, out);
  run(held.ticket, held.what, true, now, out);
}

void phone_logic::settle(bool owned, unix_time now, entity_effects& out) {
  if (!claim_ || claim_->state() != reserved) {
    return;
  }
  if (owned) {
    set_claim(claim_->user(), owned_state, 0, out);
  } else if (claim_->expires_at() != 0 && claim_->expires_at() <= now) {
    claim_.reset();
    out.erase(records_table::phone_claim, {});
  }
}

void phone_logic::set_claim(std::int64_t user, std::uint32_t state, std::int32_t expires_at, entity_effects& out) {
  claim_.emplace();
  claim_->set_user(user);
  claim_->set_state(state);
  claim_->set_expires_at(expires_at);
  out.put(records_table::phone_claim, {}, *claim_);
}

phone_logic::answer phone_logic::claim_answer() const {
  command::Claim claim;
  if (claim_) {
    claim.set_user(claim_->user());
    claim.set_state(claim_->state());
  }
  return encoded(claim);
}

phone_logic::answer phone_logic::reserve_claim(const command::ReserveClaim& what, unix_time now, entity_effects& out) {
  if (what.user() == 0) {
    return reserve_for_sign_up(what, now, out);
  }
  if (claim_ && claim_->user() != what.user()) {
    return unexpected(rpc_error{rpc_errc::phone_number_occupied});
  }
  if (!claim_ || claim_->state() == reserved) {
    set_claim(what.user(), reserved, now + reservation_seconds, out);
  }
  return claim_answer();
}

phone_logic::answer phone_logic::reserve_for_sign_up(const command::ReserveClaim& what, unix_time now,
                                                     entity_effects& out) {
  const PhoneCode* code = find_code(what.key(), what.phone_code_hash(), now);
  if (code == nullptr || !code->proved()) {
    return unexpected(rpc_error{rpc_errc::phone_code_expired});
  }
  if (claim_ && claim_->state() == reserved && claim_->expires_at() != 0) {
    return unexpected(rpc_error{rpc_errc::phone_number_occupied});
  }
  const bool taken = claim_ && claim_->state() == reserved && claim_->user() == what.not_user();
  if (!claim_ || taken) {
    set_claim(new_user_id(), reserved, 0, out);
  }
  return claim_answer();
}

phone_logic::answer phone_logic::confirm_claim(const command::ConfirmClaim& what, entity_effects& out) {
  if (!claim_ || claim_->user() != what.user()) {
    return unexpected(rpc_error{rpc_errc::phone_number_occupied});
  }
  if (claim_->state() == reserved) {
    set_claim(what.user(), owned_state, 0, out);
  }
  return claim_answer();
}

phone_logic::answer phone_logic::release_claim(const command::ReleaseClaim& what, entity_effects& out) {
  if (claim_ && claim_->user() == what.user()) {
    claim_.reset();
    out.erase(records_table::phone_claim, {});
  }
  return claim_answer();
}

// --- codes -------------------------------------------------------------------------------------------

namespace {

rpc_result<std::string> code_sent(const PhoneCode& code, const account_options& options, unix_time now) {
  command::CodeSent sent;
  sent.set_phone_code_hash(code.phone_code_hash());
  sent.set_digits(static_cast<std::uint32_t>(code.code().size()));
  sent.set_resend_after(std::max(code.sent_at() + options.code_resend_seconds - now, 1));
  return encoded(sent);
}

} // namespace

phone_logic::answer phone_logic::request_code(std::uint64_t number, const command::RequestCode& what, unix_time now,
                                              entity_effects& out) {
  if (!claim_ && !what.may_register()) {
    return unexpected(rpc_error{rpc_errc::phone_number_banned});
  }
  const auto found = codes_.find(what.key());
  if (found != codes_.end() && !found->second.proved() && found->second.attempts_left() > 0) {
    command::ResendCode again;
    again.set_key(what.key());
    again.set_phone_code_hash(found->second.phone_code_hash());
    return resend_code(number, again, now, out);
  }
  if (!count_code(now, out)) {
    return unexpected(rpc_error{rpc_errc::phone_number_flood});
  }
  PhoneCode& code = codes_[what.key()];
  code.Clear();
  code.set_phone_code_hash(new_hash());
  code.set_code(new_code(number));
  code.set_asked_at(now);
  code.set_sent_at(now);
  code.set_expires_at(now + options_.code_expiry_seconds);
  code.set_attempts_left(options_.code_attempts);
  out.put(records_table::phone_code, id_sub_key(what.key()), code);
  send_code(number, code.code(), code_kind::sms, now, out);
  return code_sent(code, options_, now);
}

/// By message to the number, and to the devices that its account is logged in on.
void phone_logic::send_code(std::uint64_t number, const std::string& code, code_kind kind, unix_time now,
                            entity_effects& out) const {
  out.codes.push_back({number, code, kind});
  if (!claim_ || claim_->state() != owned_state) {
    return;
  }
  command::Delivery what;
  what.set_from(people::service_user.value());
  what.set_date(now);
  what.mutable_notice()->set_only_if_logged_in(true);
  what.mutable_notice()->set_text(
    "Login code: " + code +
    ". Do not give this code to anyone, even if they say they are from the service.\n\nIt can be used to log in to "
    "your "
    "account. We never ask for it for anything else.\n\nIf you did not ask for it by trying to log in on another "
    "device, simply pass over this message.");
  const cluster::entity_id owner{static_cast<std::uint64_t>(claim_->user())};
  out.deliveries.push_back({{cluster::entity_kind::user, owner}, what.SerializeAsString()});
}

phone_logic::answer phone_logic::resend_code(std::uint64_t number, const command::ResendCode& what, unix_time now,
                                             entity_effects& out) {
  PhoneCode* code = find_code(what.key(), what.phone_code_hash(), now);
  if (code == nullptr || code->proved() || code->attempts_left() == 0) {
    return unexpected(rpc_error{rpc_errc::phone_code_expired});
  }
  // Asked again too early, as after a lost answer: the code is on its way already.
  if (now < code->sent_at() + options_.code_resend_seconds) {
    return code_sent(*code, options_, now);
  }
  if (!count_code(now, out)) {
    return unexpected(rpc_error{rpc_errc::phone_number_flood});
  }
  // The code stays, for the first message may still arrive; so do the attempts that were used up.
  code->set_sent_at(now);
  code->set_expires_at(now + options_.code_expiry_seconds);
  code->set_resends(code->resends() + 1);
  out.put(records_table::phone_code, id_sub_key(what.key()), *code);
  send_code(number, code->code(), code_kind::resent_sms, now, out);
  return code_sent(*code, options_, now);
}

phone_logic::answer phone_logic::cancel_code(const command::CancelCode& what, unix_time now, entity_effects& out) {
  if (find_code(what.key(), what.phone_code_hash(), now) == nullptr) {
    return unexpected(rpc_error{rpc_errc::phone_code_expired});
  }
  codes_.erase(what.key());
  out.erase(records_table::phone_code, id_sub_key(what.key()));
  return encoded(command::Done{});
}

phone_logic::answer phone_logic::check_code(const command::CheckCode& what, unix_time now, entity_effects& out) {
  PhoneCode* code = find_code(what.key(), what.phone_code_hash(), now);
  if (code == nullptr || code->attempts_left() == 0) {
    return unexpected(rpc_error{rpc_errc::phone_code_expired});
  }
  const bool right =
    what.sign_up() ? code->proved() : crypto::equal(crypto::as_bytes(what.code()), crypto::as_bytes(code->code()));
  if (!right) {
    if (!what.sign_up()) {
      code->set_attempts_left(code->attempts_left() - 1);
      out.put(records_table::phone_code, id_sub_key(what.key()), *code);
    }
    return unexpected(rpc_error{rpc_errc::phone_code_invalid});
  }
  if (!code->proved()) {
    code->set_proved(true);
    code->set_expires_at(std::max(code->expires_at(), now + proof_seconds));
    out.put(records_table::phone_code, id_sub_key(what.key()), *code);
  }
  command::CodeChecked checked;
  checked.set_user(claim_ && claim_->state() == owned_state ? claim_->user() : 0);
  checked.set_expires_at(code->expires_at());
  return encoded(checked);
}

phone_logic::answer phone_logic::pending_codes(unix_time now) const {
  std::vector<const PhoneCode*> valid;
  for (const auto& [key, code] : codes_) {
    if (code.expires_at() > now) {
      valid.push_back(&code);
    }
  }
  std::sort(valid.begin(), valid.end(), [](auto* left, auto* right) { return left->sent_at() > right->sent_at(); });
  command::PendingCodeList list;
  for (const PhoneCode* code : valid) {
    auto& pending = *list.add_pending();
    pending.set_code(code->code());
    pending.set_sent_at(code->sent_at());
    pending.set_expires_at(code->expires_at());
    pending.set_attempts_left(code->attempts_left());
    pending.set_proved(code->proved());
  }
  return encoded(list);
}

void phone_logic::forget_expired(unix_time now, entity_effects& out) {
  for (auto each = codes_.begin(); each != codes_.end();) {
    if (each->second.expires_at() > now) {
      ++each;
      continue;
    }
    out.erase(records_table::phone_code, id_sub_key(each->first));
    each = codes_.erase(each);
  }
}

bool phone_logic::count_code(unix_time now, entity_effects& out) {
  if (now - asked_for_.day_began_at() >= day_seconds) {
    asked_for_.set_day_began_at(now);
    asked_for_.set_codes(0);
  }
  if (asked_for_.codes() >= options_.codes_per_number_day) {
    return false;
  }
  asked_for_.set_codes(asked_for_.codes() + 1);
  out.put(records_table::phone_codes, {}, asked_for_);
  return true;
}

PhoneCode* phone_logic::find_code(std::uint64_t key, std::string_view hash, unix_time now) {
  const auto found = codes_.find(key);
  if (found == codes_.end() || found->second.expires_at() <= now ||
      !crypto::equal(crypto::as_bytes(found->second.phone_code_hash()), crypto::as_bytes(hash))) {
    return nullptr;
  }
  return &found->second;
}

std::string phone_logic::new_code(std::uint64_t number) const {
  if (options_.test_numbers && is_test_number(number)) {
    return test_code(number);
  }
  std::string code;
  for (std::uint32_t i = 0; i < options_.code_digits; ++i) {
    code.push_back(static_cast<char>('0' + options_.random->next_u64() % 10));
  }
  return code;
}

std::string phone_logic::new_hash() const {
  static constexpr char digits[] = "0123456789abcdef";
  std::array<std::uint8_t, 9> bytes{};
  options_.random->fill(bytes);
  std::string text;
  for (const std::uint8_t each : bytes) {
    text.push_back(digits[each >> 4]);
    text.push_back(digits[each & 15]);
  }
  return text;
}

std::int64_t phone_logic::new_user_id() const {
  std::uint64_t id = 0;
  while (id < user_id_min) {
    id = options_.random->next_u64() & user_id_bits;
  }
  return static_cast<std::int64_t>(id);
}

} // namespace godwit::account
