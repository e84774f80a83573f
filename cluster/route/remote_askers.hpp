#pragma once

#include <caf/actor.hpp>
#include <caf/fwd.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <tuple>

#include "cluster/route/envelope_port.hpp"
#include "cluster/route/request_codec.hpp"
#include "cluster/route/route_counters.hpp"

namespace godwit::cluster {

/// What other nodes ask of entities of this one. To the entity, an asker elsewhere is an actor here: one for each asker
/// and entity that it listens to, which ends when it listens no more; and one for all other askers of its node. All of
/// them end with the link. On the loop of the links alone.
class remote_askers {
public:
  struct options {
    std::size_t taken_max = 0;
    std::size_t listeners_max = 0;
    std::uint8_t hops_max = 0;
  };

  /// All of it outlives end_all().
  remote_askers(caf::actor_system& system, envelope_port& port, options with, route_counters& counters);
  ~remote_askers();

  /// Hands the request over with an actor of this node as its asker.
  using taker = std::function<void(const entity_request_ptr&)>;
  void take(node_id from, request_envelope what, const taker& hand_over);
  void gone(node_id from, const listener_gone& what);
  void link_down(node_id which);
  /// Ends all actors. Nothing is sent any more.
  void end_all();

private:
  class guest_actor;
  struct place {
    std::uint64_t asker = 0;
    entity_ref entity;
    friend bool operator<(const place& a, const place& b) {
      return std::tuple(a.asker, a.entity.kind, a.entity.id) < std::tuple(b.asker, b.entity.kind, b.entity.id);
    }
  };
  /// What an actor stands for. Shared with it; `owner` null: nothing any more.
  struct guest {
    remote_askers* owner = nullptr;
    node_id node;
    place at; ///< of one that listens
    bool listens = false;
    bool retired = false;       ///< listens no more, but has answers to come
    std::size_t open = 0;       ///< requests without an answer
    std::uint64_t listened = 0; ///< number of the newest request that listens
    caf::actor actor;
  };
  using guest_ptr = std::shared_ptr<guest>;
  struct node_guests {
    guest_ptr courier;
    std::map<place, guest_ptr> listeners;
    std::map<guest*, guest_ptr> retired;
    std::size_t open = 0;
  };

  guest_ptr start(node_id which, bool listens, const place& at);
  guest_ptr guest_for(node_guests& of, node_id from, const request_envelope& what);
  void refuse(node_id to, std::uint64_t number);
  void replied(guest& from, const entity_reply& what);
  void pushed(guest& from, const entity_push& what);
  void retire(node_guests& of, const guest_ptr& which);
  static void end(const guest_ptr& which);
  void count();

  caf::actor_system& system_;
  envelope_port& port_;
  options options_;
  route_counters& counters_;
  std::map<node_id, node_guests> nodes_;
};

} // namespace godwit::cluster
