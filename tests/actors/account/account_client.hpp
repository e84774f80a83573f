#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "actors/account/account_flow.hpp"
#include "protocol/tl/object.hpp"
#include "tests/actors/account/logic_world.hpp"

namespace godwit::account::testing {

/// A function of the API as a client of this layer sends it.
std::string call_bytes(const tl::fn::function& what, layer_t layer);

/// One client with its key, and the session that works for it: runs the flows of its calls against a world.
class account_client {
public:
  account_client(logic_world& world, std::uint64_t key, layer_t layer);

  logic_world& world;
  flow_context context;

  /// One call of the auth flow. What it changes about the login is kept in `context`.
  rpc_result<std::string> flow(const tl::fn::function& what);
  rpc_result<std::string> run(account_flow& flow);
  /// One call to the account's entity.
  rpc_result<std::string> call(const tl::fn::function& what);
  rpc_result<std::string> command(const command::UserCommand& what, bool can_listen = true);
  [[nodiscard]] cluster::caller caller() const;

  rpc_result<std::string> send_code(std::uint64_t number);
  rpc_result<std::string> sign_in(std::uint64_t number, const std::string& hash, const std::string& code);
  rpc_result<std::string> sign_up(std::uint64_t number, const std::string& hash, const std::string& first_name);
  /// sendCode, signIn and, where asked for, signUp; a test number. Yields the user id.
  std::int64_t log_in(std::uint64_t number);
  rpc_result<std::string> subscribe();

  /// Makes the key's entity, as a handshake does.
  void make_key();
};

/// The hash in an auth.sentCode.
std::string hash_in(const std::string& sent_code);
/// The user's id in an auth.authorization; 0: sign-up is required.
std::int64_t user_in(const std::string& authorization);

inline rpc_error error_of(const rpc_result<std::string>& result) {
  return result ? rpc_error{rpc_errc::rpc_call_fail, -1} : result.error();
}

} // namespace godwit::account::testing
