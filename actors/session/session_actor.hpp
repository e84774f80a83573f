#pragma once

#include <memory>

#include "actors/session/session.hpp"
#include "cluster/base/pinned_actor.hpp"

namespace godwit::actors {

/// The mailbox of one client session, on the loop of its first connection; see `session` for what it does.
///
/// Supervised by the gateway, which is told of its end and never starts it again: a session that failed has
/// lost its state, its connections are closed, and the client begins another. Ends by itself when it had no
/// connection for limits::session_linger_ms.
///
///   session_packets, connection_gone, connection_drained, session_end    from the gateway
///   entity_reply                                                         to its calls
///   entity_push                                                          from its account
class session_actor : public cluster::pinned_actor {
public:
  session_actor(caf::actor_config& config, cluster::home_loop& home, session_services& services, known_key_ptr key,
                session_id id);
  ~session_actor() override;

  caf::behavior make_behavior() override;
  void on_exit() override;
  [[nodiscard]] const char* name() const override { return "session"; }

private:
  void after();
  caf::error fail_with(std::exception_ptr& what);

  session_services& services_;
  known_key_ptr key_;
  session_key id_;
  std::unique_ptr<session> session_;
  bool failed_ = false;
};

} // namespace godwit::actors
