#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <unordered_map>

#include "cluster/base/home_loop.hpp"
#include "cluster/route/envelope_port.hpp"
#include "cluster/route/route_counters.hpp"
#include "cluster/shard/entity_request.hpp"
#include "cluster/shard/leader_board.hpp"

namespace godwit::cluster {

/// Requests that went to other nodes and have no answer yet. Each ends in one answer to its asker, or is given back to be
/// sent on. On the loop of the links alone.
class request_board {
public:
  struct options {
    std::uint32_t timeout_ms = 0;
    std::size_t pending_max = 0;
    /// Nodes count their requests from here: two processes of a node must not use the same numbers.
    std::uint64_t first_number = 1;
  };
  struct hooks {
    /// A request that listens leaves with that number, to the node `via`. False: it is to go nowhere.
    std::function<bool(std::uint64_t number, const entity_request&, shard_id, const leadership&, node_id via)> listens;
    /// It did not come to listen, for all that is known.
    std::function<void(std::uint64_t number)> listens_not;
    /// The node asked neither leads that shard nor reaches who does; what is known now is on the board. Send it on.
    std::function<void(const entity_request_ptr&, shard_id, node_id denied_by, const leadership& told,
                       std::uint8_t hops, monotonic_ms due)>
      moved;
  };

  request_board(envelope_port& port, options with, hooks to, route_counters& counters);

  /// To the node that leads the shard, or, where `via` is another one, to that, which is to send it on. `due` 0: it has
  /// the whole time.
  void send(const entity_request_ptr& request, shard_id shard, const leadership& led, node_id via, std::uint8_t hops,
            monotonic_ms due);
  /// Ends a request that was not sent.
  void refuse(const entity_request_ptr& request);
  void replied(node_id from, entity_reply what);
  void link_down(node_id which);
  /// Everything that waits is answered `unavailable`.
  void end_all();

private:
  struct pending {
    entity_request_ptr request;
    shard_id shard;
    node_id to;
    std::uint8_t hops = 0;
    monotonic_ms due = 0;
  };

  void time_out();
  void arm();
  void give_up(std::uint64_t number);
  pending take(std::unordered_map<std::uint64_t, pending>::iterator which);

  envelope_port& port_;
  options options_;
  hooks hooks_;
  route_counters& counters_;
  std::uint64_t next_;
  std::unordered_map<std::uint64_t, pending> pending_;
  std::deque<std::pair<monotonic_ms, std::uint64_t>> by_time_; ///< about in order of time; ended ones too
  loop_timer timer_;
};

} // namespace godwit::cluster
