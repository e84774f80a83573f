#include <string_view>
#include <utility>

#include "actors/account/device_text.hpp"
#include "actors/account/flow_parts.hpp"
#include "actors/account/phone_number.hpp"
#include "actors/account/rate_limits.hpp"
#include "actors/account/user_views.hpp"
#include "config/limits.hpp"
#include "protocol/tl/api/auth.hpp"
#include "protocol/tl/api/auth_fn.hpp"

namespace godwit::account {
namespace {

namespace fn = tl::fn;
using function_ptr = std::unique_ptr<fn::function>;

constexpr std::uint32_t owned_claim = 2;
/// Random ids meet an account once in a great while; several times in a row, never.
constexpr int ids_tried_max = 8;

rpc_result<std::string> boolean(bool value) {
  std::string bytes;
  tl::writer(bytes).write_bool(value);
  return bytes;
}

class sign_in_flow final : public running_flow {
public:
  sign_in_flow(const account_options& options, const flow_context& context, function_ptr call)
      : running_flow(options, context), call_(std::move(call)) {}

  flow_step begin() override;

private:
  flow_step send_code(const fn::auth_sendCode& what);
  flow_step resend_code(const fn::auth_resendCode& what);
  flow_step cancel_code(const fn::auth_cancelCode& what);
  flow_step sign_in(const fn::auth_signIn& what);
  flow_step sign_up(const fn::auth_signUp& what);
  flow_step log_out();

  flow_step reserve(std::int64_t not_user);
  flow_step create(user_id whom);
  flow_step confirm(user_id whom);
  flow_step leave_other_account(user_id whom);
  flow_step authorize(user_id whom);
  flow_step bind(user_id whom, const command::Authorized& login);

  /// Sets number_ and hash_; an error when one of them is none.
  std::optional<rpc_errc> take_number(const std::string& phone, const std::string& hash);
  [[nodiscard]] flow_step sent_code(const std::string& reply) const;

  function_ptr call_;
  std::uint64_t number_ = 0;
  std::string hash_;
  std::string first_name_;
  std::string last_name_;
  std::int32_t code_expires_at_ = 0;
  int ids_tried_ = 0;
};

flow_step sign_in_flow::begin() {
  if (context().key.value() == 0) {
    return fail(rpc_errc::auth_key_perm_empty);
  }
  switch (call_->kind()) {
  case fn::auth_sendCode::kind_id: return send_code(static_cast<const fn::auth_sendCode&>(*call_));
  case fn::auth_resendCode::kind_id: return resend_code(static_cast<const fn::auth_resendCode&>(*call_));
  case fn::auth_cancelCode::kind_id: return cancel_code(static_cast<const fn::auth_cancelCode&>(*call_));
  case fn::auth_signIn::kind_id: return sign_in(static_cast<const fn::auth_signIn&>(*call_));
  case fn::auth_signUp::kind_id: return sign_up(static_cast<const fn::auth_signUp&>(*call_));
  case fn::auth_logOut::kind_id: return log_out();
  default: return fail(rpc_errc::method_invalid);
  }
}

std::optional<rpc_errc> sign_in_flow::take_number(const std::string& phone, const std::string& hash) {
  const auto number = parse_phone_number(phone, options().test_numbers);
  if (!number) {
    return rpc_errc::phone_number_invalid;
  }
  if (hash.empty()) {
    return rpc_errc::phone_code_hash_empty;
  }
  number_ = *number;
  hash_ = hash;
  return std::nullopt;
}

// --- codes -------------------------------------------------------------------------------------------

flow_step sign_in_flow::send_code(const fn::auth_sendCode& what) {
  if (what.api_id <= 0) {
    return fail(rpc_errc::api_id_invalid);
  }
  const auto number = parse_phone_number(what.phone_number, options().test_numbers);
  if (!number) {
    return fail(rpc_errc::phone_number_invalid);
  }
  if (options().codes_by_address && !(options().test_numbers && is_test_number(*number))) {
    const unix_ms now = unix_ms{context().now} * 1000;
    if (const auto wait = options().codes_by_address->take(rate_key_of_text(context().address), now)) {
      return finish(unexpected(rpc_error{rpc_errc::flood_wait, *wait}));
    }
  }
  command::PhoneCommand request;
  request.set_number(*number);
  request.mutable_request_code()->set_key(context().key.value());
  request.mutable_request_code()->set_may_register(may_register(options(), *number));
  return ask_phone(*number, request, [this](const std::string& reply) { return sent_code(reply); });
}

flow_step sign_in_flow::resend_code(const fn::auth_resendCode& what) {
  if (const auto why = take_number(what.phone_number, what.phone_code_hash)) {
    return fail(*why);
  }
  command::PhoneCommand request;
  request.set_number(number_);
  request.mutable_resend_code()->set_key(context().key.value());
  request.mutable_resend_code()->set_phone_code_hash(hash_);
  return ask_phone(number_, request, [this](const std::string& reply) { return sent_code(reply); });
}

flow_step sign_in_flow::cancel_code(const fn::auth_cancelCode& what) {
  if (const auto why = take_number(what.phone_number, what.phone_code_hash)) {
    return fail(*why);
  }
  command::PhoneCommand request;
  request.set_number(number_);
  request.mutable_cancel_code()->set_key(context().key.value());
  request.mutable_cancel_code()->set_phone_code_hash(hash_);
  return ask_phone(number_, request, [this](const std::string&) { return finish(boolean(true)); });
}

flow_step sign_in_flow::sent_code(const std::string& reply) const {
  const auto sent = parsed<command::CodeSent>(reply);
  auto type = tl::make<tl::auth_sentCodeTypeSms>();
  type->length = static_cast<std::int32_t>(sent.digits());
  tl::auth_sentCode answer;
  answer.type = std::move(type);
  answer.phone_code_hash = sent.phone_code_hash();
  // Clients offer to send the code again only when they are told how.
  answer.next_type = tl::make<tl::auth_codeTypeSms>();
  answer.timeout = sent.resend_after();
  return finish(stored(answer, context().layer));
}

// --- signing in --------------------------------------------------------------------------------------

flow_step sign_in_flow::sign_in(const fn::auth_signIn& what) {
  if (const auto why = take_number(what.phone_number, what.phone_code_hash)) {
    return fail(*why);
  }
  const std::optional<std::string> code = what.phone_code;
  if (!code || code->empty()) {
    return fail(rpc_errc::phone_code_empty);
  }
  command::PhoneCommand request;
  request.set_number(number_);
  request.mutable_check_code()->set_key(context().key.value());
  request.mutable_check_code()->set_phone_code_hash(hash_);
  request.mutable_check_code()->set_code(*code);
  return ask_phone(number_, request, [this](const std::string& reply) {
    const auto checked = parsed<command::CodeChecked>(reply);
    if (checked.user() == 0) {
      return finish(stored(tl::auth_authorizationSignUpRequired(), context().layer));
    }
    code_expires_at_ = checked.expires_at();
    return leave_other_account(user_id{checked.user()});
  });
}

flow_step sign_in_flow::sign_up(const fn::auth_signUp& what) {
  if (const auto why = take_number(what.phone_number, what.phone_code_hash)) {
    return fail(*why);
  }
  const auto first = cleaned_name(what.first_name);
  const auto last = cleaned_name(what.last_name);
  if (!first || first->empty()) {
    return fail(rpc_errc::firstname_invalid);
  }
  if (!last) {
    return fail(rpc_errc::lastname_invalid);
  }
  first_name_ = *first;
  last_name_ = *last;
  command::PhoneCommand request;
  request.set_number(number_);
  request.mutable_check_code()->set_key(context().key.value());
  request.mutable_check_code()->set_phone_code_hash(hash_);
  request.mutable_check_code()->set_sign_up(true);
  return ask_phone(number_, request, [this](const std::string& reply) {
    const auto checked = parsed<command::CodeChecked>(reply);
    code_expires_at_ = checked.expires_at();
    if (checked.user() != 0) {
      // The account was made meanwhile, by this very call whose answer was lost, or by another device of a
      // person who proved the same number.
      return leave_other_account(user_id{checked.user()});
    }
    return may_register(options(), number_) ? reserve(0) : fail(rpc_errc::phone_number_banned);
  });
}

flow_step sign_in_flow::reserve(std::int64_t not_user) {
  if (++ids_tried_ > ids_tried_max) {
    return fail(rpc_errc::rpc_call_fail);
  }
  command::PhoneCommand request;
  request.set_number(number_);
  request.mutable_reserve_claim()->set_key(context().key.value());
  request.mutable_reserve_claim()->set_phone_code_hash(hash_);
  request.mutable_reserve_claim()->set_not_user(not_user);
  return ask_phone(number_, request, [this](const std::string& reply) {
    const auto claim = parsed<command::Claim>(reply);
    const user_id whom{claim.user()};
    return claim.state() == owned_claim ? leave_other_account(whom) : create(whom);
  });
}

flow_step sign_in_flow::create(user_id whom) {
  command::UserCommand request;
  request.mutable_create()->set_phone(number_);
  request.mutable_create()->set_first_name(first_name_);
  request.mutable_create()->set_last_name(last_name_);
  return ask_user(whom, request, [this, whom](const std::string& reply) {
    return parsed<command::UserCreated>(reply).taken() ? reserve(whom.value()) : confirm(whom);
  });
}

flow_step sign_in_flow::confirm(user_id whom) {
  command::PhoneCommand request;
  request.set_number(number_);
  request.mutable_confirm_claim()->set_user(whom.value());
  return ask_phone(number_, request, [this, whom](const std::string&) { return leave_other_account(whom); });
}

/// One key is logged in to one account: a login to another one ends the present one first, for good.
flow_step sign_in_flow::leave_other_account(user_id whom) {
  if (context().user.value() == 0 || context().user == whom) {
    return authorize(whom);
  }
  command::UserCommand request;
  request.mutable_log_out()->set_authorization(context().authorization.value());
  return ask_user(context().user, request, [this, whom](const std::string&) { return authorize(whom); });
}

flow_step sign_in_flow::authorize(user_id whom) {
  command::UserCommand request;
  command::Authorize& login = *request.mutable_authorize();
  login.set_key(context().key.value());
  login.set_phone_code_hash(hash_);
  login.set_code_expires_at(code_expires_at_);
  login.set_address(context().address);
  login.set_layer(context().layer);
  *login.mutable_device() = device_of(context().device);
  return ask_user(whom, request,
                  [this, whom](const std::string& reply) { return bind(whom, parsed<command::Authorized>(reply)); });
}

flow_step sign_in_flow::bind(user_id whom, const command::Authorized& login) {
  command::KeyCommand request;
  request.mutable_bind_user()->set_user(whom.value());
  request.mutable_bind_user()->set_authorization(login.authorization());
  return ask_key(context().key, request, [whom, login](const std::string&) -> flow_step {
    return flow_done{login.answer(), login_changed{whom, authorization_id{login.authorization()}}};
  });
}

// --- logging out -------------------------------------------------------------------------------------

flow_step sign_in_flow::log_out() {
  if (context().user.value() == 0) {
    return fail(rpc_errc::auth_key_unregistered);
  }
  command::UserCommand request;
  request.mutable_log_out()->set_authorization(context().authorization.value());
  return ask_user(context().user, request, [this](const std::string&) -> flow_step {
    const tl::auth_loggedOut answer;
    const layer_t layer = context().layer;
    return flow_done{answer.known_at(layer) ? stored(answer, layer) : boolean(true), login_changed{}};
  });
}

} // namespace

std::unique_ptr<running_flow> make_sign_in_flow(const account_options& options, const flow_context& context,
                                                function_ptr call) {
  return std::make_unique<sign_in_flow>(options, context, std::move(call));
}

} // namespace godwit::account
