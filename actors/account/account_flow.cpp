#include "actors/account/account_flow.hpp"

#include <utility>

#include "actors/account/flow_parts.hpp"
#include "protocol/tl/api/auth_fn.hpp"
#include "protocol/tl/methods.hpp"

namespace godwit::account {

// --- running_flow ------------------------------------------------------------------------------------

running_flow::running_flow(const account_options& options, flow_context context)
    : options_(options), context_(std::move(context)) {}

flow_step running_flow::ask(cluster::entity_ref whom, std::string command, next then) {
  asked_.to = whom;
  asked_.from = {.user = context_.user,
                 .authorization = context_.authorization,
                 .key = context_.key,
                 .session = context_.session,
                 .layer = context_.layer,
                 .message = context_.message};
  asked_.body = std::move(command);
  asked_.again = false;
  ++asked_.token;
  then_ = std::move(then);
  return asked_;
}

flow_step running_flow::ask_phone(std::uint64_t number, const command::PhoneCommand& what, next then) {
  return ask({cluster::entity_kind::phone, cluster::scattered(number)}, what.SerializeAsString(), std::move(then));
}

flow_step running_flow::ask_user(user_id whom, const command::UserCommand& what, next then) {
  const cluster::entity_id id{static_cast<std::uint64_t>(whom.value())};
  return ask({cluster::entity_kind::user, id}, what.SerializeAsString(), std::move(then));
}

flow_step running_flow::ask_key(auth_key_id whom, const command::KeyCommand& what, next then) {
  return ask({cluster::entity_kind::auth_key, cluster::entity_id{whom.value()}}, what.SerializeAsString(),
             std::move(then));
}

flow_step running_flow::fail(rpc_errc why) const { return finish(unexpected(rpc_error{why})); }

flow_step running_flow::finish(body answer) const { return flow_done{std::move(answer), {}}; }

std::optional<flow_step> running_flow::reply(const cluster::entity_reply& what) {
  if (!then_ || what.token != asked_.token) {
    return std::nullopt;
  }
  if (what.status == cluster::reply_status::unavailable || what.status == cluster::reply_status::moved) {
    // It may have happened or not: every step may be repeated.
    ++asked_.token;
    asked_.again = true;
    return asked_;
  }
  const next then = std::exchange(then_, nullptr);
  if (what.status == cluster::reply_status::error) {
    return finish(unexpected(what.error));
  }
  return then(what.body);
}

// --- account_flow ------------------------------------------------------------------------------------

struct account_flow::state {
  std::unique_ptr<running_flow> flow;
  rpc_errc refused = rpc_errc::method_invalid; ///< without a flow
};

account_flow::account_flow(const account_options& options, flow_context context, std::string call)
    : state_(std::make_unique<state>()) {
  tl::reader in(call);
  auto what = tl::fetch_function(in);
  if (!what) {
    if (tl::find_method(tl::reader(call).peek_id()) != nullptr) {
      state_->refused = rpc_errc::input_request_invalid;
    }
    return;
  }
  if ((*what)->kind() == tl::fn::auth_bindTempAuthKey::kind_id) {
    state_->flow = make_bind_flow(options, context, std::move(*what));
  } else {
    state_->flow = make_sign_in_flow(options, context, std::move(*what));
  }
}

account_flow::account_flow(std::unique_ptr<state> made) : state_(std::move(made)) {}
account_flow::~account_flow() = default;
account_flow::account_flow(account_flow&&) noexcept = default;
account_flow& account_flow::operator=(account_flow&&) noexcept = default;

account_flow account_flow::destroy_key(const account_options& options, flow_context context) {
  auto made = std::make_unique<state>();
  made->flow = make_destroy_flow(options, context);
  return account_flow(std::move(made));
}

flow_step account_flow::start() {
  if (!state_->flow) {
    return flow_done{unexpected(rpc_error{state_->refused}), {}};
  }
  return state_->flow->begin();
}

std::optional<flow_step> account_flow::reply(const cluster::entity_reply& what) {
  return state_->flow ? state_->flow->reply(what) : std::nullopt;
}

} // namespace godwit::account
