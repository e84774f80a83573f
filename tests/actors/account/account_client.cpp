#include "tests/actors/account/account_client.hpp"

#include <gtest/gtest.h>

#include "actors/account/phone_number.hpp"
#include "protocol/tl/api/auth.hpp"
#include "protocol/tl/api/auth_fn.hpp"
#include "protocol/tl/api/user.hpp"

namespace godwit::account::testing {

std::string call_bytes(const tl::fn::function& what, layer_t layer) {
  std::string bytes;
  tl::writer out(bytes);
  what.store(out, layer);
  EXPECT_TRUE(out.ok()) << "layer " << layer;
  return bytes;
}

account_client::account_client(logic_world& of, std::uint64_t key, layer_t layer) : world(of) {
  context.key = context.used_key = auth_key_id{key};
  context.session = session_id{key * 100};
  context.layer = layer;
  context.device.api_id = 17;
  context.device.device_model = "Test";
  context.device.system_version = "Linux";
  context.device.app_version = "1.0";
  context.address = "127.0.0.1";
  make_key();
}

void account_client::make_key() {
  command::KeyCommand create;
  create.mutable_create()->set_key(std::string(256, static_cast<char>(context.key.value())));
  ASSERT_TRUE(world.command(key_of(context.key.value()), create.SerializeAsString()).has_value());
}

cluster::caller account_client::caller() const {
  return {.user = context.user,
          .authorization = context.authorization,
          .key = context.key,
          .session = context.session,
          .layer = context.layer,
          .message = context.message};
}

rpc_result<std::string> account_client::run(account_flow& flow) {
  flow_step step = flow.start();
  while (const auto* request = std::get_if<flow_request>(&step)) {
    const auto result = world.ask(request->to, cluster::request_type::command, request->from, request->body, false);
    cluster::entity_reply reply;
    reply.token = request->token;
    if (result) {
      reply.body = *result;
    } else {
      reply.status = cluster::reply_status::error;
      reply.error = result.error();
    }
    step = flow.reply(reply).value();
  }
  auto& done = std::get<flow_done>(step);
  if (const auto* changed = std::get_if<login_changed>(&done.change)) {
    context.user = changed->user;
    context.authorization = changed->authorization;
  }
  return std::move(done.answer);
}

rpc_result<std::string> account_client::flow(const tl::fn::function& what) {
  context.now = world.now;
  account_flow made(world.options, context, call_bytes(what, context.layer));
  return run(made);
}

rpc_result<std::string> account_client::call(const tl::fn::function& what) {
  const cluster::entity_ref whom = user_of(context.user.value());
  return world.ask(whom, cluster::request_type::call, caller(), call_bytes(what, context.layer));
}

rpc_result<std::string> account_client::command(const command::UserCommand& what, bool can_listen) {
  const cluster::entity_ref whom = user_of(context.user.value());
  return world.ask(whom, cluster::request_type::command, caller(), what.SerializeAsString(), can_listen);
}

rpc_result<std::string> account_client::subscribe() {
  command::UserCommand what;
  what.mutable_subscribe()->set_layer(context.layer);
  return command(what);
}

rpc_result<std::string> account_client::send_code(std::uint64_t number) {
  tl::fn::auth_sendCode what;
  what.phone_number = "+" + std::to_string(number);
  what.api_id = 17;
  what.api_hash = "hash";
  what.settings = tl::make<tl::codeSettings>();
  return flow(what);
}

rpc_result<std::string> account_client::sign_in(std::uint64_t number, const std::string& hash,
                                                const std::string& code) {
  tl::fn::auth_signIn what;
  what.phone_number = std::to_string(number);
  what.phone_code_hash = hash;
  what.phone_code = code;
  return flow(what);
}

rpc_result<std::string> account_client::sign_up(std::uint64_t number, const std::string& hash,
                                                const std::string& first_name) {
  tl::fn::auth_signUp what;
  what.phone_number = std::to_string(number);
  what.phone_code_hash = hash;
  what.first_name = first_name;
  return flow(what);
}

std::int64_t account_client::log_in(std::uint64_t number) {
  const std::string hash = hash_in(send_code(number).value());
  const std::int64_t user = user_in(sign_in(number, hash, test_code(number)).value());
  return user != 0 ? user : user_in(sign_up(number, hash, "Ada").value());
}

std::string hash_in(const std::string& sent_code) {
  tl::reader in(sent_code);
  const auto sent = tl::auth_SentCode::fetch(in);
  EXPECT_TRUE(in.finish().has_value());
  const auto* code = tl::as<tl::auth_sentCode>(sent);
  return code == nullptr ? std::string{} : code->phone_code_hash;
}

std::int64_t user_in(const std::string& authorization) {
  tl::reader in(authorization);
  const auto result = tl::auth_Authorization::fetch(in);
  EXPECT_TRUE(in.finish().has_value());
  const auto* found = tl::as<tl::auth_authorization>(result);
  if (found == nullptr) {
    EXPECT_NE(tl::as<tl::auth_authorizationSignUpRequired>(result), nullptr);
    return 0;
  }
  const auto* user = tl::as<tl::user>(found->user);
  EXPECT_NE(user, nullptr);
  return user == nullptr ? 0 : user->id;
}

} // namespace godwit::account::testing
