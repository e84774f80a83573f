#include "cluster/member/placement.hpp"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <set>
#include <utility>
#include <vector>

namespace godwit::cluster {
namespace {

using persistence::member;
using persistence::member_role;
using persistence::no_node;

constexpr std::size_t voters_wanted = 3;
constexpr std::size_t meta_voters_max = 5;

/// How much each node has.
using loads = std::map<node_id, std::size_t>;

/// The node with the least; of equals the first.
node_id least(const loads& of, const std::set<node_id>& among) {
  return *std::min_element(among.begin(), among.end(), [&](node_id a, node_id b) { return of.at(a) < of.at(b); });
}

std::size_t odd(std::size_t nodes, std::size_t at_most) {
  const std::size_t count = std::min(nodes, at_most);
  return count % 2 == 1 ? count : count - 1;
}

/// Voters of all shards but the cluster's own.
class voter_spread {
public:
  voter_spread(const cluster_map& map, const std::set<node_id>& nodes)
      : nodes_(nodes), count_(odd(nodes.size(), voters_wanted)) {
    for (const node_id each : nodes) {
      load_[each] = 0;
    }
    for (std::uint16_t number = 0; number < map.shards; ++number) {
      keep(map, shard_id{number});
    }
    for (auto& [shard, voters] : voters_) {
      fill(voters);
    }
    if (nodes_.size() >= voters_wanted) {
      even_out();
    }
  }

  [[nodiscard]] const std::map<shard_id, std::set<node_id>>& voters() const { return voters_; }

private:
  /// The voters that it has and that are still there, the one that should lead first.
  void keep(const cluster_map& map, shard_id shard) {
    std::set<node_id>& kept = voters_[shard];
    const auto placed = map.placed.find(shard);
    if (placed == map.placed.end()) {
      return;
    }
    const auto take = [&](node_id which) {
      if (kept.size() < count_ && nodes_.contains(which) && kept.insert(which).second) {
        ++load_[which];
      }
    };
    const std::vector<member>& members = placed->second.members.members;
    const auto has_voter = [&](node_id which) {
      return std::find(members.begin(), members.end(), member{which, member_role::voter}) != members.end();
    };
    if (has_voter(placed->second.leader)) {
      take(placed->second.leader);
    }
    for (const member& each : members) {
      if (each.role == member_role::voter) {
        take(each.id);
      }
    }
  }

  void fill(std::set<node_id>& voters) {
    while (voters.size() < count_) {
      std::set<node_id> others;
      std::set_difference(nodes_.begin(), nodes_.end(), voters.begin(), voters.end(),
                          std::inserter(others, others.end()));
      const node_id next = least(load_, others);
      voters.insert(next);
      ++load_[next];
    }
  }

  /// Moves one voter at a time from a node with most to one with least. Some shard is always on the one and not on
  /// the other: the one has more.
  void even_out() {
    for (;;) {
      const auto by_load = [](const auto& a, const auto& b) { return a.second < b.second; };
      const auto low = std::min_element(load_.begin(), load_.end(), by_load);
      const auto high = std::max_element(load_.begin(), load_.end(), by_load);
      if (high->second - low->second < 2) {
        return;
      }
      const auto from = std::find_if(voters_.begin(), voters_.end(), [&](const auto& each) {
        return each.second.contains(high->first) && !each.second.contains(low->first);
      });
      from->second.erase(high->first);
      from->second.insert(low->first);
      --high->second;
      ++low->second;
    }
  }

  const std::set<node_id>& nodes_;
  std::size_t count_;
  loads load_;
  std::map<shard_id, std::set<node_id>> voters_;
};

/// Leaders of all shards but the cluster's own: those that are, then the least that has to move.
class leader_spread {
public:
  leader_spread(const cluster_map& map, const std::map<shard_id, std::set<node_id>>& voters,
                const std::set<node_id>& nodes)
      : voters_(voters) {
    for (const node_id each : nodes) {
      load_[each] = 0;
    }
    for (const auto& [shard, who] : voters_) {
      const auto placed = map.placed.find(shard);
      if (placed != map.placed.end() && who.contains(placed->second.leader)) {
        lead(shard, placed->second.leader);
      }
    }
    for (const auto& [shard, who] : voters_) {
      if (!leaders_.contains(shard)) {
        lead(shard, least(load_, who));
      }
    }
    while (even_out()) {
    }
  }

  [[nodiscard]] node_id leader(shard_id of) const { return leaders_.at(of); }
  [[nodiscard]] const loads& load() const { return load_; }

private:
  void lead(shard_id shard, node_id who) {
    leaders_[shard] = who;
    ++load_[who];
  }

  /// Hands one leadership on from a node with many to one with two fewer or less, over others if need be.
  bool even_out() {
    std::vector<node_id> by_load;
    for (const auto& [node, count] : load_) {
      by_load.push_back(node);
    }
    std::stable_sort(by_load.begin(), by_load.end(), [this](node_id a, node_id b) { return load_[a] > load_[b]; });
    return std::any_of(by_load.begin(), by_load.end(), [this](node_id from) { return hand_on(from); });
  }

  bool hand_on(node_id from) {
    // How each node was reached: by which shard, and from where.
    std::map<node_id, std::pair<shard_id, node_id>> reached;
    std::deque<node_id> open{from};
    while (!open.empty()) {
      const node_id at = open.front();
      open.pop_front();
      for (const auto& [shard, leader] : leaders_) {
        if (leader != at) {
          continue;
        }
        for (const node_id next : voters_.at(shard)) {
          if (next == from || !reached.emplace(next, std::pair(shard, at)).second) {
            continue;
          }
          if (load_[next] + 2 <= load_[from]) {
            shift(from, next, reached);
            return true;
          }
          open.push_back(next);
        }
      }
    }
    return false;
  }

  void shift(node_id from, node_id to, const std::map<node_id, std::pair<shard_id, node_id>>& reached) {
    --load_[from];
    ++load_[to];
    for (node_id at = to; at != from;) {
      const auto& [shard, before] = reached.at(at);
      leaders_[shard] = at;
      at = before;
    }
  }

  const std::map<shard_id, std::set<node_id>>& voters_;
  std::map<shard_id, node_id> leaders_;
  loads load_;
};

shard_entry entry_of(const std::set<node_id>& voters, node_id leader, const std::set<node_id>& standbys) {
  shard_entry out;
  out.leader = leader;
  for (const node_id each : voters) {
    out.members.members.push_back({each, member_role::voter});
  }
  for (const node_id each : standbys) {
    if (!voters.contains(each)) {
      out.members.members.push_back({each, member_role::standby});
    }
  }
  return out;
}

shard_entry place_meta(const cluster_map& map, const std::set<node_id>& nodes, const loads& leaders) {
  const std::size_t count = odd(nodes.size(), meta_voters_max);
  std::set<node_id> voters;
  node_id leader = no_node;
  if (const auto placed = map.placed.find(meta_shard); placed != map.placed.end()) {
    leader = placed->second.leader;
    if (nodes.contains(leader)) {
      voters.insert(leader);
    }
    for (const member& each : placed->second.members.members) {
      if (each.role == member_role::voter && voters.size() < count && nodes.contains(each.id)) {
        voters.insert(each.id);
      }
    }
  }
  for (const node_id each : nodes) {
    if (voters.size() < count) {
      voters.insert(each);
    }
  }
  // It counts as one more shard; where it makes no difference it stays.
  const node_id light = least(leaders, voters);
  if (!voters.contains(leader) || leaders.at(leader) > leaders.at(light)) {
    leader = light;
  }
  return entry_of(voters, leader, nodes);
}

} // namespace

std::map<shard_id, shard_entry> place(const cluster_map& map) {
  std::set<node_id> nodes;
  for (const auto& [id, each] : map.nodes) {
    if (each.state == node_state::member) {
      nodes.insert(id);
    }
  }
  std::map<shard_id, shard_entry> out;
  if (nodes.empty()) {
    return out;
  }
  const voter_spread voters(map, nodes);
  const leader_spread leaders(map, voters.voters(), nodes);
  const std::set<node_id> standbys = nodes.size() < voters_wanted ? nodes : std::set<node_id>{};
  for (const auto& [shard, who] : voters.voters()) {
    out[shard] = entry_of(who, leaders.leader(shard), standbys);
  }
  out[meta_shard] = place_meta(map, nodes, leaders.load());
  return out;
}

} // namespace godwit::cluster
