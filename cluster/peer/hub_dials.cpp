#include <algorithm>
#include <utility>

#include "cluster/peer/hub_core.hpp"

namespace godwit::cluster {

monotonic_ms hub_core::pause(std::uint32_t failures, bool hopeless, bool lesser) {
  // The node with the greater number goes first: where both can dial, one connection is made, not two.
  const std::uint32_t behind = lesser ? limits::peer_redial_ms : 0;
  if (failures == 0) {
    return behind + (lesser ? random() % (limits::peer_redial_ms / 2) : 0);
  }
  const std::uint32_t doublings = std::min(failures - 1, 16U);
  const std::uint64_t doubled = std::uint64_t{limits::peer_redial_ms} << doublings;
  const std::uint64_t base =
    hopeless ? limits::peer_redial_ms_max : std::min<std::uint64_t>(doubled, limits::peer_redial_ms_max);
  return behind + base / 2 + random() % (base / 2 + 1);
}

bool hub_core::settled(const peer_seed& seed) const {
  if (seed.own) {
    return true;
  }
  return std::any_of(links_.begin(), links_.end(), [&](const auto& each) {
    const peer_link& link = *each.second;
    const bool there = link.node == seed.learned || link.address == seed.address;
    return there && (link.named || link.current);
  });
}

void hub_core::arrange() {
  if (!started_ || stopped_) {
    return;
  }
  for (auto& [node, link] : links_) {
    const bool wanted = link->named && !link->current && !link->attempt;
    if (!wanted) {
      loop_.disarm(link->redial);
    } else if (!link->redial.armed()) {
      const bool lesser = options_.self < link->node;
      loop_.arm(link->redial, loop_.now() + pause(link->failures, link->hopeless, lesser));
    }
  }
  for (const auto& seed : seeds_) {
    if (seed->attempt || settled(*seed)) {
      loop_.disarm(seed->redial);
    } else if (!seed->redial.armed()) {
      loop_.arm(seed->redial, loop_.now() + pause(seed->failures, seed->hopeless, false));
    }
  }
}

hub_core::session_ptr hub_core::add_session(bool dialled) {
  const std::uint64_t id = ++last_session_;
  auto made = std::make_shared<peer_session>(*this, [this, id] { late(id); });
  made->id = id;
  made->dialled = dialled;
  sessions_.emplace(id, made);
  loop_.arm(made->deadline, loop_.now() + limits::peer_connect_ms);
  return made;
}

void hub_core::dial(peer_link& link) {
  if (stopped_ || !link.named || link.current || link.attempt) {
    return;
  }
  const bool coming = std::any_of(sessions_.begin(), sessions_.end(), [&](const auto& each) {
    const peer_session& session = *each.second;
    return session.said && session.said->node == link.node &&
           (session.stage == session_stage::agreeing || session.stage == session_stage::held);
  });
  if (coming) {
    loop_.arm(link.redial, loop_.now() + limits::peer_redial_ms);
    return;
  }
  const session_ptr session = add_session(true);
  session->address = link.address;
  session->expected = link.node;
  link.attempt = session;
  session->connection = network_.dial(link.address, peer_stream::control, link.node, *session);
}

void hub_core::dial(const std::shared_ptr<peer_seed>& seed) {
  if (stopped_ || seed->attempt || settled(*seed)) {
    return;
  }
  const session_ptr session = add_session(true);
  session->address = seed->address;
  session->seed = seed;
  seed->attempt = session;
  session->connection = network_.dial(seed->address, peer_stream::control, persistence::no_node, *session);
}

void hub_core::take(std::unique_ptr<peer_connection> connection, node_id certified) {
  if (stopped_) {
    return;
  }
  const auto unknown = std::count_if(sessions_.begin(), sessions_.end(), [](const auto& each) {
    return !each.second->dialled && each.second->stage != session_stage::up;
  });
  if (static_cast<std::size_t>(unknown) >= limits::peers_unknown_max) {
    static log::site full;
    log::warning(full, peer_log, "connection_refused",
                 {{"reason", "too many connections have not said who they are: see who dials the peers' port"}});
    return;
  }
  const session_ptr session = add_session(false);
  session->connection = std::move(connection);
  session->connection->listen(*session);
  opened(*session, certified);
}

void hub_core::late(std::uint64_t id) {
  const auto found = sessions_.find(id);
  if (found == sessions_.end()) {
    return;
  }
  const session_ptr session = found->second;
  switch (session->stage) {
  case session_stage::opening:
    end(*session, name_of(*session) + " does not answer: see that the node runs and that nothing between the nodes "
                                      "holds back connections to its peers' port");
    break;
  case session_stage::refused: end(*session, "refused"); break;
  default:
    end(*session, name_of(*session) + " takes connections and does not say who it is: see that a node of this cluster "
                                      "listens there, and that its process is not stopped");
  }
}

} // namespace godwit::cluster
