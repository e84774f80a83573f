#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/account/account_flow.hpp"
#include "actors/auth/auth_keys.hpp"
#include "actors/session/session_context.hpp"
#include "cluster/base/loop_timer.hpp"

namespace godwit::actors {

/// The calls of one session that sign in, sign out or bind keys: one after the other, each a flow through
/// several entities. Asked again while a shard is unavailable. One that did not end limits::call_retry_ms after its
/// call came fails with 500 RPC_CALL_FAIL.
class session_flows {
public:
  explicit session_flows(session_context& context);
  ~session_flows();
  session_flows(const session_flows&) = delete;
  session_flows& operator=(const session_flows&) = delete;

  /// A call of scope auth_flow.
  void begin(const open_call& call, const mtproto::call& what);
  /// destroy_auth_key.
  void begin_destroy_key(const mtproto::session_event& what);
  /// Its client wants no answer any more. What runs, runs on: half a login helps nobody.
  void dropped(msg_id call);

  /// True: the answer was for a flow.
  bool replied(const cluster::entity_reply& reply);
  void key_refreshed(key_answer answer);
  void tick();
  [[nodiscard]] std::optional<cluster::monotonic_ms> due() const;

  [[nodiscard]] bool running() const { return current_ != nullptr; }
  /// The key was destroyed by a flow; said once.
  bool take_destroyed();

private:
  struct flow;

  account::flow_context context_of(const flow& of) const;
  void add(std::unique_ptr<flow> what);
  void next();
  void step(account::flow_step what);
  void send(const account::flow_request& what);
  void done(account::flow_done& what);
  void answer(rpc_result<std::string> what);
  void give_up();
  void refresh_key();

  session_context& context_;
  std::unique_ptr<flow> current_;
  std::vector<std::unique_ptr<flow>> waiting_; ///< oldest first
  bool destroyed_ = false;
};

} // namespace godwit::actors
