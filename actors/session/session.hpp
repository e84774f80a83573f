#pragma once

#include <cstdint>
#include <optional>

#include "actors/session/session_calls.hpp"
#include "actors/session/session_context.hpp"
#include "actors/session/session_host.hpp"
#include "actors/session/session_messages.hpp"
#include "actors/session/session_subscription.hpp"
#include "cluster/base/loop_timer.hpp"
#include "cluster/base/round_task.hpp"

namespace godwit::actors {

/// One client session, without its mailbox: protocol/mtproto's state machine, the connections it has now, its
/// calls and its subscription. Each method but the askers is one message to the session actor. On its loop.
///
/// Packets are made once per round, when everything that the round brought was answered. With no connection left
/// it waits for limits::session_linger_ms, so that a reconnecting client finds its answers.
class session final : public cluster::round_task {
public:
  session(session_services& services, known_key_ptr key, session_id id, caf::actor self);
  ~session() override;

  void packets(session_packets& what);
  void connection_gone(mtproto::connection_id which);
  void connection_drained();
  void replied(cluster::entity_reply& reply);
  void key_refreshed(const actors::key_refreshed& what);
  void pushed(const cluster::entity_push& what);
  void tick();
  void last_call();
  void drain();
  void end(const session_end& how);

  /// The actor is to quit.
  [[nodiscard]] bool is_over() const { return over_; }
  [[nodiscard]] const session_key& key() const { return context_.id; }
  [[nodiscard]] const caf::actor& self() const { return context_.self; }
  /// Of this key, or of a temporary one that stands for it.
  [[nodiscard]] bool is_of(auth_key_id key) const;
  [[nodiscard]] session_info info() const;

  /// Its actor ends: says nothing more, and closes its connections unless it came to its end in order.
  void abandon();

  void run_deferred() override;

private:
  void attach(const connection_link_ptr& link);
  void settle();
  void handle(const mtproto::session_event& what);
  void login_ended(const cluster::entity_push& what);
  void forget_login(authorization_id which);
  void keep_pace();
  void flush();
  void arm();
  void linger();
  void count_lingering();
  void close_connections(transport_error why);
  void end_when_answered();
  [[nodiscard]] std::optional<cluster::monotonic_ms> due() const;

  session_context context_;
  session_subscription subscription_;
  session_calls calls_;
  cluster::loop_timer timer_;
  cluster::monotonic_ms lingers_until_ = 0; ///< 0: it has a connection
  bool paused_ = false;
  bool leaving_ = false;
  bool draining_ = false;
  bool over_ = false;
};

} // namespace godwit::actors
