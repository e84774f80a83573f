#pragma once

#include <caf/allowed_unsafe_message_type.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "actors/session/told_positions.hpp"
#include "cluster/base/loop_timer.hpp"
#include "cluster/base/pinned_actor.hpp"
#include "cluster/shard/entity_push.hpp"
#include "cluster/shard/entity_request.hpp"
#include "cluster/shard/router.hpp"

namespace godwit::cluster_sim {

/// To a session, from its client: a function of the API, or nothing for a ping.
struct session_call {
  std::uint64_t token = 0;
  std::string body;
};

/// To a client, from its session; in one order.
struct session_news {
  enum class kind : std::uint8_t { answer, refusal, update };

  kind what = kind::update;
  std::uint64_t token = 0; ///< of the call
  std::string body;        ///< the answer, the update, or the text of the error
};

} // namespace godwit::cluster_sim

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(godwit::cluster_sim::session_call)

namespace godwit::cluster_sim {

/// What a node does for one connected client, without the encryption: calls go to the account and are repeated while it
/// is out of reach, and the account's updates come back. Listens anew wherever the account's actor went, from the
/// position that its client was brought to.
///
/// It follows actors::session_subscription roughly, and shares actors::told_positions with it. It leaves out: that calls
/// which are made again come before it listens anew; that a push waits for an answer which may fill the hole before it or
/// tell the same; updatesTooLong for a hole (what comes behind one is given on, and the client sees by its position that it
/// has to ask for the difference); layers and logins that change; a client that is away or speaks on another node; all
/// bounds. So it puts accounts and shards to the test, and tests/actors/session the rules of sessions.
class sim_session final : public cluster::pinned_actor {
public:
  struct setup {
    cluster::router* router = nullptr;
    cluster::caller who;
    std::uint64_t instance = 0; ///< of this session, unlike all others
    std::function<void(session_news)> tell;
    std::function<void(const std::string&)> trace;
  };

  sim_session(caf::actor_config& config, cluster::home_loop& home, setup with);

  caf::behavior make_behavior() override;
  void on_exit() override;

private:
  struct call {
    std::string body;
    cluster::monotonic_ms until = 0;
    bool again = false; ///< waits for the timer
  };

  cluster::entity_request_ptr request(cluster::request_type type, std::string body, std::uint64_t token);
  void send(std::uint64_t token, const call& what);
  void ask();
  void later();
  void tick();
  void replied(const cluster::entity_reply& what);
  void subscribed(const cluster::entity_reply& what);
  void answered(const cluster::entity_reply& what);
  void pushed(const cluster::entity_push& what);
  bool brings_news(const cluster::entity_push& what);
  void lost();

  const setup with_;
  std::map<std::uint64_t, call> calls_; ///< by the client's token
  cluster::loop_timer timer_;
  cluster::monotonic_ms pause_ = 50;
  cluster::monotonic_ms ask_at_ = 0; ///< 0: not
  std::uint64_t tokens_ = 0;
  std::uint64_t subscription_ = 0; ///< token of the request; 0: none
  bool listening_ = false;
  cluster::term_t term_ = 0;
  actors::told_positions told_;
  std::int32_t asked_pts_ = 0;
};

} // namespace godwit::cluster_sim
