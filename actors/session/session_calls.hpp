#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "actors/base/retry_pause.hpp"
#include "actors/session/calls_ahead.hpp"
#include "actors/session/session_context.hpp"
#include "actors/session/session_flows.hpp"
#include "actors/session/session_messages.hpp"
#include "actors/session/session_subscription.hpp"

namespace godwit::tl {
struct method_info;
}

namespace godwit::actors {

/// The calls of one session: who answers each, what it may, and what becomes of those whose answer does not
/// come. Every call that begins here ends in one answer.
///
/// A call whose shard is unavailable is asked again under the same token. What has no answer limits::call_retry_ms
/// after it came fails with 500 RPC_CALL_FAIL, the one 5xx there is; an answer that comes later is dropped. "Not
/// logged in" is said only when the key's entity was asked after the call came, for a client that hears it throws its
/// login away, and another loop may know of a newer one; and when the account says so of a login that the key has no
/// more, the call is made again.
///
/// Calls are asked in the order of their making, and again in that order: calls_ahead says how far that holds.
class session_calls {
public:
  session_calls(session_context& context, session_subscription& subscription);

  void begin(mtproto::call what);
  void destroy_key(const mtproto::session_event& what) { flows_.begin_destroy_key(what); }
  /// Its client wants no answer any more.
  void dropped(msg_id call);
  /// True: the answer was for a call, and its body was taken.
  bool replied(cluster::entity_reply& reply);
  void key_refreshed(const actors::key_refreshed& what);
  /// The login is gone: whatever its account was asked for hears so.
  void login_ended(authorization_id which);
  /// Its account does not know the login: the key's entity is asked what became of it.
  void login_doubted(authorization_id which);

  void tick();
  [[nodiscard]] std::optional<cluster::monotonic_ms> due() const;
  /// Sends what waited for earlier calls that ended since; after anything else.
  void go_on();

  /// Listens to the account of the login there is now, once a call came that makes a client hear of updates: neither
  /// about files nor wrapped into invokeWithoutUpdates. Calls go to the account after it, so that nothing happens
  /// between what they say of its state and what it tells.
  void subscribe();
  [[nodiscard]] bool take_key_destroyed() { return flows_.take_destroyed(); }
  [[nodiscard]] bool is_idle() const { return running_.empty() && waiting_.empty() && !flows_.running(); }

private:
  /// Whether a call's login is in doubt, and whether its key was asked for since.
  enum class doubt : std::uint8_t { none, felt, asked, settled };
  struct running_call {
    open_call call;
    cluster::entity_request_ptr request;
    cluster::monotonic_ms give_up_at = 0;
    /// When it is asked again, or calls_ahead::held; 0: its answer is awaited.
    cluster::monotonic_ms again_at = 0;
    std::uint64_t way = 0; ///< that it was sent
    retry_pause pause;
    doubt doubts = doubt::none;

    [[nodiscard]] bool in_doubt() const { return doubts == doubt::felt || doubts == doubt::asked; }
  };
  /// Waits until it is certain what the key may.
  struct waiting_call {
    open_call call;
    mtproto::call what;
    cluster::monotonic_ms give_up_at = 0;
    bool asked = false; ///< the key was asked for since
  };
  enum class certainty : bool { unsure, sure };
  enum class leave : std::uint8_t { granted, refused, wait };

  void route(const open_call& call, mtproto::call what, cluster::monotonic_ms give_up_at, certainty known);
  leave check(const tl::method_info& method, bool needs_login, layer_t layer, certainty known, rpc_errc& why) const;
  std::optional<rpc_error> over_limit(const tl::method_info& method, mtproto::connection_id connection);
  void wait(const open_call& call, mtproto::call what, cluster::monotonic_ms give_up_at);
  void refresh_key();
  void answer_static(const open_call& call, const mtproto::call& what);
  void ask_user(running_call made, std::string body, layer_t layer);
  void login_settled(running_call call);
  void ask_again(running_call& call);
  void ask_those_due(cluster::monotonic_ms now);
  void fail_waiting();
  void give_up_late(cluster::monotonic_ms now);
  void end(std::uint64_t token);
  void note_client(layer_t layer_of_call);
  void flow_ended();
  [[nodiscard]] bool needs_key() const;

  session_context& context_;
  session_subscription& subscription_;
  session_flows flows_;
  std::map<std::uint64_t, running_call> running_; ///< by token: in the order that the client made them
  std::vector<waiting_call> waiting_;             ///< oldest first
  bool holding_ = false;                          ///< some wait for earlier ones to end
  /// No call that runs is given up before; 0: none runs. Those that were answered meanwhile do not move it.
  cluster::monotonic_ms give_up_at_ = 0;
  bool refreshing_ = false;
  /// When the key is asked for again, after nobody could tell; 0: not.
  cluster::monotonic_ms refresh_at_ = 0;
  bool wants_updates_ = false;
  layer_t noted_layer_ = 0;
  std::shared_ptr<const mtproto::client_info> noted_client_;
};

} // namespace godwit::actors
