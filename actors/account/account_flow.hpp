#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "cluster/shard/entity_request.hpp"
#include "protocol/ids.hpp"
#include "protocol/rpc_error.hpp"

namespace godwit::account {

struct account_options;

/// What initConnection told about the program at the other end.
struct client_device {
  std::int32_t api_id = 0;
  std::string device_model;
  std::string system_version;
  std::string app_version;
  std::string system_lang_code;
  std::string lang_pack;
  std::string lang_code;
};

/// Who makes a call of the auth flow.
struct flow_context {
  auth_key_id key;        ///< the permanent key that stands for the client; zero while a temporary one is unbound
  auth_key_id used_key;   ///< the key its packets are encrypted with
  bool temporary = false; ///< used_key is a temporary one
  std::int32_t used_key_expires_at = 0;
  session_id session;
  msg_id message; ///< of the call
  layer_t layer = 0;
  client_device device;
  std::string address; ///< as text, for the list of logins
  user_id user;        ///< the login of `key`; zero without one
  authorization_id authorization;
  unix_time now = 0;
};

/// A command to send to an entity. Give its reply to account_flow::reply.
struct flow_request {
  cluster::entity_ref to;
  cluster::caller from;
  std::string body;
  std::uint64_t token = 0;
  /// The one before was answered `unavailable`: wait a moment, or give up after the time a call may take.
  bool again = false;
};

/// What a finished flow changed about the key that the session works for.
struct login_changed {
  user_id user; ///< zero: logged out
  authorization_id authorization;
};
struct temp_key_bound {
  auth_key_id permanent_key;
  unix_time expires_at = 0;
};

/// The end: the answer to the call, at its layer.
struct flow_done {
  rpc_result<std::string> answer;
  std::variant<std::monostate, login_changed, temp_key_bound> change;
};

using flow_step = std::variant<flow_request, flow_done>;

/// One call of auth.sendCode, resendCode, cancelCode, signIn, signUp, logOut or bindTempAuthKey, on its way
/// through phone, account and key: the login's row at the account, then the key's binding, then the answer.
///
/// Every step may be repeated: a client that lost the answer, or a node that died between two steps, asks again
/// and gets to the same account and login. Without I/O and clock; one thread at a time. No two flows of one key
/// at once: the session queues them.
class account_flow {
public:
  /// `call`: the function without wrappers; scope auth_flow. `options` outlives the flow.
  account_flow(const account_options& options, flow_context context, std::string call);
  ~account_flow();
  account_flow(account_flow&&) noexcept;
  account_flow& operator=(account_flow&&) noexcept;

  flow_step start();
  /// Of the request that was last asked for; replies with another token are passed over (nothing).
  std::optional<flow_step> reply(const cluster::entity_reply& what);

  /// destroy_auth_key of MTProto, the same way: ends the login of the key, then destroys it. The answer's body is
  /// empty when the key did not exist, else one byte.
  static account_flow destroy_key(const account_options& options, flow_context context);

private:
  struct state;
  explicit account_flow(std::unique_ptr<state> made);
  std::unique_ptr<state> state_;
};

} // namespace godwit::account
