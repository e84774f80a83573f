#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cluster/base/pinned_actor.hpp"
#include "cluster/member/cluster_map.hpp"
#include "cluster/member/members_logic.hpp"
#include "cluster/peer/peer_hub.hpp"
#include "cluster/shard/entity_request.hpp"

namespace godwit::cluster {

class router;

/// What a node says of itself, and to whom it listens.
struct member_agent_setup {
  node_entry self; ///< its state does not count
  std::string cluster_id;
  std::string cluster_name;
  std::uint16_t shards = 1;
  /// Where other nodes are reached, in place of what the cluster says.
  std::map<node_id, peer_address> fixed;
  cluster::router* router = nullptr;
  map_board* board = nullptr;
  std::uint32_t seed = 1; ///< of the jitter

  /// The other nodes, whenever that changes: peer_hub::set_peers. On the loop.
  std::function<void(std::vector<peer_hub::peer>)> set_peers;
  /// How this node stands with its cluster, in one line, whenever that changes; empty: well. On the loop.
  std::function<void(const std::string&)> health;
  /// The cluster does not want this process: cause and remedy in one line. On the loop, once; nothing is announced any
  /// more.
  std::function<void(refusal_kind, const std::string&)> refused;
};

/// Where the other nodes of a map are, but those that were removed.
std::vector<peer_hub::peer> peers_of(const cluster_map& map, node_id self,
                                     const std::map<node_id, peer_address>& fixed);

/// Tells the cluster every limits::announce_ms that this node is there, faster until it was heard once, and puts the
/// map that comes back on the board. It begins with what is on the board: put what read_local_map found there before.
/// Sends to the members entity through the router, so it needs neither to be on the same node nor to know who leads.
class member_agent final : public pinned_actor {
public:
  member_agent(caf::actor_config& config, home_loop& home, member_agent_setup with);
  ~member_agent() override;

  caf::behavior make_behavior() override;
  /// Takes its timer off the loop.
  void on_exit() override;
  [[nodiscard]] const char* name() const override { return "member_agent"; }

private:
  void announce();
  void take(entity_reply& reply);
  void take_map(cluster_map map);
  void tell_peers(const cluster_map& map);
  void tell_health(std::string text);
  void refuse(refusal_kind kind, const std::string& text);
  void again_in(monotonic_ms ms);
  [[nodiscard]] monotonic_ms jittered(monotonic_ms ms);

  member_agent_setup setup_;
  std::unique_ptr<loop_timer> timer_;
  std::uint64_t asked_ = 0; ///< token of the announcement under way; 0: none is
  std::uint64_t last_token_ = 0;
  bool heard_ = false; ///< once
  bool ended_ = false;
  monotonic_ms failing_since_ = 0; ///< 0: it does not
  monotonic_ms pause_ms_;
  std::uint64_t dice_;
  std::string health_;
  std::vector<peer_hub::peer> told_;
};

} // namespace godwit::cluster
