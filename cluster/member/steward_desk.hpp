#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <vector>

#include "cluster/member/cluster_map.hpp"
#include "cluster/member/steward_rules.hpp"
#include "cluster/shard/leader_board.hpp"
#include "cluster/shard/shard_port.hpp"

namespace godwit::cluster {

/// What an operator sees of a shard that this node leads.
struct led_shard {
  shard_id shard;
  node_id leader;
  term_t term = 0;
  index_t last_index = 0;
  index_t commit_index = 0;
  bool change_pending = false;
  struct holder {
    persistence::member is;
    index_t match = 0;
    bool up = false;
    bool catching_up = false;
  };
  std::vector<holder> members;
};

/// The stewards of one node: each of the shards that it leads is looked at in turn, and takes one step at a time
/// towards where the map wants it. Leadership is handed over of one shard at a time, and for balance not while a replica
/// of any shard is being filled, as far as the replicas of this node know. Safe from every thread, but
/// that all turns of one shard are on its loop.
class steward_desk {
public:
  struct options {
    node_id self;
    std::uint16_t shards = 1;
    const map_board* map = nullptr;
    const leader_board* leaders = nullptr;
    /// Whether a node may lead, as far as its clock goes; unset: every one may.
    std::function<bool(node_id)> fit;
  };
  explicit steward_desk(options with);

  /// A link came up or went down.
  void note_link(node_id which, bool up, monotonic_ms now);

  /// One look at a replica, a shard_steward: at one that does not lead, to know whether replicas are being filled.
  void turn(shard_port& port);

  /// Hand leadership of that shard over at one of its next turns. False: it is none of this cluster's.
  bool ask_hand_over(shard_id which, node_id to, monotonic_ms now);

  /// As of the shard's last turn; nothing unless it was led then, not long ago.
  [[nodiscard]] std::optional<led_shard> status(shard_id which, monotonic_ms now) const;

  /// How many shards each node leads, the cluster's own among them.
  [[nodiscard]] std::map<node_id, std::uint32_t> leads() const;

private:
  struct wish {
    node_id to;
    monotonic_ms until = 0;
  };
  /// Of one shard: but for `shown` and `asked`, touched on its loop alone.
  struct desk_entry {
    term_t term = 0;
    monotonic_ms leading_since = 0;
    configuration members;
    monotonic_ms members_since = 0;
    monotonic_ms retry_at = 0;
    std::optional<wish> asked;
    std::optional<led_shard> shown;
    monotonic_ms shown_at = 0;
  };

  desk_entry* find(shard_id which);
  void note_leading(const shard_port& port, desk_entry& entry);
  steward_facts look(const shard_port& port, desk_entry& entry, const cluster_map& map, const shard_entry& wanted);
  void show(const shard_port& port, const steward_facts& facts, desk_entry& entry);
  void carry_out(shard_port& port, desk_entry& entry, const steward_step& step);
  void hand_over(shard_port& port, desk_entry& entry, node_id to, bool asked);
  void told(const shard_port& port, desk_entry& entry, const char* what, node_id who, bool taken);
  bool may_hand_over(monotonic_ms now);
  [[nodiscard]] std::uint32_t leaders_spread(const cluster_map& map) const;

  options options_;
  std::vector<desk_entry> entries_; ///< the cluster's own shard is last

  mutable std::mutex mutex_; ///< over what follows, and parts of entries
  std::map<node_id, monotonic_ms> up_since_;
  shard_id handing_over_;
  monotonic_ms handing_over_since_ = 0; ///< 0: never
  monotonic_ms filling_seen_ = 0;       ///< when a replica was last seen to be filled; 0: never
};

} // namespace godwit::cluster
