#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cluster/member/cluster_map.hpp"
#include "cluster/member/steward_desk.hpp"
#include "cluster/shard/leader_board.hpp"
#include "tests/support/consensus_cluster.hpp"

namespace godwit::test {

/// Some nodes with all their shards: the real consensus of every shard and a steward desk per node, on virtual time and
/// one thread. Node 1 begins every shard alone; who is in the map is up to the test. Checks after every turn what has to
/// hold always.
class steward_world {
public:
  using monotonic_ms = cluster::monotonic_ms;

  steward_world(unsigned nodes, std::uint16_t shards);

  /// The nodes that are members; places the shards.
  void set_members(const std::set<unsigned>& nodes);

  void crash(unsigned node);
  void start(unsigned node);
  void cut(unsigned a, unsigned b);
  void heal();
  /// Time passes, with turns of every steward every limits::steward_ms and an entry in each shard now and then.
  void pass(monotonic_ms ms);

  /// Members of every shard are as the map wants them, in the leader's eyes.
  [[nodiscard]] bool members_as_wanted();
  /// Shards, the cluster's own among them, that a node leads.
  [[nodiscard]] unsigned led_by(unsigned node);
  [[nodiscard]] unsigned leader(std::size_t group) const { return groups_[group]->leader(); }
  [[nodiscard]] std::size_t groups() const { return groups_.size(); }
  tests::consensus_cluster& group(std::size_t which) { return *groups_[which]; }
  cluster::steward_desk& desk(unsigned node) { return *nodes_[node - 1].desk; }
  [[nodiscard]] monotonic_ms now() const { return now_; }
  [[nodiscard]] cluster::shard_id shard_of(std::size_t group) const;
  [[nodiscard]] const cluster::cluster_map& map() const { return *map_; }

  unsigned changes = 0;   ///< of members, taken
  unsigned transfers = 0; ///< taken
  unsigned refusals = 0;  ///< by consensus, of whatever a steward proposed
  /// Times at which a handover began.
  std::vector<monotonic_ms> handed_over;
  std::set<unsigned> unfit; ///< nodes that may not lead
  bool load = true;

private:
  class port;
  struct node_parts {
    std::unique_ptr<cluster::map_board> map;
    std::unique_ptr<cluster::leader_board> leaders;
    std::unique_ptr<cluster::steward_desk> desk;
    bool up = true;
  };

  void note_links();
  void note_leaders();
  void turns();
  void add_load();
  void check(std::size_t group);
  [[nodiscard]] bool linked(unsigned a, unsigned b) const;

  std::vector<std::unique_ptr<tests::consensus_cluster>> groups_; ///< the cluster's own is last
  std::vector<node_parts> nodes_;
  std::set<std::pair<unsigned, unsigned>> cuts_;
  std::set<std::pair<unsigned, unsigned>> links_; ///< as told to the desks
  cluster::cluster_map_ptr map_;
  monotonic_ms now_ = 1'000'000;
};

} // namespace godwit::test
