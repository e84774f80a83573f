#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "actors/account/account_flow.hpp"
#include "actors/account/account_options.hpp"
#include "actors/commands/account_commands.pb.h"

namespace godwit::tl::fn {
struct function;
}

namespace godwit::account {

/// A flow under way: asks one entity at a time, and goes on with what it says.
class running_flow {
public:
  running_flow(const account_options& options, flow_context context);
  virtual ~running_flow() = default;

  virtual flow_step begin() = 0;
  std::optional<flow_step> reply(const cluster::entity_reply& what);

protected:
  using body = rpc_result<std::string>;
  using next = std::function<flow_step(const std::string& reply)>;

  /// `then` hears a good answer; an error ends the flow with it.
  flow_step ask(cluster::entity_ref whom, std::string command, next then);
  flow_step ask_phone(std::uint64_t number, const command::PhoneCommand& what, next then);
  flow_step ask_user(user_id whom, const command::UserCommand& what, next then);
  flow_step ask_key(auth_key_id whom, const command::KeyCommand& what, next then);
  [[nodiscard]] flow_step fail(rpc_errc why) const;
  [[nodiscard]] flow_step finish(body answer) const;

  [[nodiscard]] const flow_context& context() const { return context_; }
  [[nodiscard]] const account_options& options() const { return options_; }

private:
  const account_options& options_;
  flow_context context_;
  flow_request asked_;
  next then_;
};

/// `call` is of the auth flow; null for any other function.
std::unique_ptr<running_flow> make_sign_in_flow(const account_options& options, const flow_context& context,
                                                std::unique_ptr<tl::fn::function> call);
std::unique_ptr<running_flow> make_bind_flow(const account_options& options, const flow_context& context,
                                             std::unique_ptr<tl::fn::function> call);
std::unique_ptr<running_flow> make_destroy_flow(const account_options& options, const flow_context& context);

/// An answer of an entity that is not what its kind answers is a mistake of this program, not of the client.
template <class Message>
Message parsed(const std::string& reply) {
  Message message;
  message.ParseFromString(reply);
  return message;
}

} // namespace godwit::account
