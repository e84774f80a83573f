#include "cluster/member/members_logic.hpp"

#include <algorithm>
#include <utility>

#include "cluster/member/member_records.hpp"
#include "cluster/member/placement.hpp"
#include "cluster/wire/member_commands.pb.h"
#include "config/cluster_limits.hpp"

namespace godwit::cluster {

using namespace member_records;

namespace {

std::string number(std::uint64_t of) { return std::to_string(of); }

/// A cluster's id is told in messages, so it has to be one.
bool good_cluster_id(std::string_view id) {
  return id.size() == 32 && id.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

} // namespace

bool members_logic::load(persistence::table_id table, std::string_view value) {
  return take_row(table, value, map_, last_node_);
}

std::optional<members_logic::outcome> members_logic::handle(std::string_view command) {
  wire::MembersCommand what;
  if (!what.ParseFromArray(command.data(), static_cast<int>(command.size()))) {
    return std::nullopt;
  }
  outcome out;
  if (what.has_announce()) {
    wire::Announced answer;
    announce(what.announce(), answer, out);
    answer.SerializeToString(&out.body);
  } else if (what.has_next_node_id()) {
    wire::NodeId answer;
    next_node_id(what.next_node_id(), answer, out);
    answer.SerializeToString(&out.body);
  } else {
    return std::nullopt;
  }
  return out;
}

void members_logic::announce(const wire::Announce& what, wire::Announced& answer, outcome& out) {
  persistence::records::ClusterNode record = what.node();
  record.set_state(static_cast<std::uint32_t>(node_state::member));
  record.clear_replaced_by();
  std::optional<node_entry> who = from_record(record);
  if (const auto refused = refuse(what, who)) {
    answer.mutable_refusal()->set_kind(static_cast<std::uint32_t>(refused->kind));
    answer.mutable_refusal()->set_text(refused->text);
    answer.set_version(map_.version);
    return;
  }
  if (map_.version == 0) {
    map_.cluster_id = what.cluster_id();
    map_.name = what.cluster_name();
    map_.shards = static_cast<std::uint16_t>(what.shards());
  }
  put_node(std::move(*who), what.known_version(), out);
  answer.set_version(map_.version);
  if (map_.version > what.known_version()) {
    to_wire(map_, *answer.mutable_map());
  }
}

std::optional<members_logic::refusal> members_logic::refuse(const wire::Announce& what,
                                                            const std::optional<node_entry>& who) const {
  if (!who || who->peer.host.empty() || who->incarnation == 0 || who->wire_version == 0 ||
      !good_cluster_id(what.cluster_id()) || !good_shards(what.shards()) ||
      what.cluster_name().size() > limits::node_name_bytes_max) {
    return refusal{refusal_kind::malformed, "what this node says of itself breaks a bound: its number is 1 to " +
                                              number(limits::node_id_max) + ", names have at most " +
                                              number(limits::node_name_bytes_max) + " bytes, addresses at most " +
                                              number(limits::node_host_bytes_max) + "; correct its settings"};
  }
  if (map_.version == 0) {
    return std::nullopt;
  }
  if (what.cluster_id() != map_.cluster_id) {
    return refusal{refusal_kind::foreign, "this node is of cluster " + what.cluster_id() + ", the others are of " +
                                            map_.cluster_id +
                                            "; start it with its own cluster's addresses in peers.seeds, or make it "
                                            "anew from a bundle of `godwit invite`"};
  }
  if (what.shards() != map_.shards) {
    return refusal{refusal_kind::other_shards, "this node's folder was made for " + number(what.shards()) +
                                                 " shards, the cluster has " + number(map_.shards) +
                                                 "; make it anew from a bundle of `godwit invite`"};
  }
  if (const auto refused = refuse_process(*who)) {
    return refused;
  }
  return refuse_version(*who);
}

std::optional<members_logic::refusal> members_logic::refuse_process(const node_entry& who) const {
  const node_entry* const known = map_.find(who.id);
  if (known == nullptr) {
    const auto present = std::count_if(map_.nodes.begin(), map_.nodes.end(), [&who](const auto& each) {
      return each.second.state != node_state::removed && each.second.replaced_by != who.id;
    });
    if (static_cast<std::size_t>(present) < limits::peers_max) {
      return std::nullopt;
    }
    return refusal{refusal_kind::too_many_nodes,
                   "the cluster has " + number(limits::peers_max) + " nodes, which is the most it can have"};
  }
  const std::string name = "node " + number(who.id.value());
  if (known->state == node_state::removed) {
    return refusal{refusal_kind::removed, name + " was removed from the cluster and its number is not used again; "
                                                 "make the machine a new node from a bundle of `godwit invite`"};
  }
  if (known->folder != 0 && who.folder != known->folder) {
    // What the number promised, votes and entries on a disk, is in the other folder.
    return refusal{refusal_kind::another_folder,
                   name +
                     " has another data folder than the one that was made for its number: put that one back, or "
                     "make this machine a new node with a new number from a bundle of `godwit invite --replace " +
                     number(who.id.value()) + "`"};
  }
  if (who.incarnation < known->incarnation || (who.incarnation == known->incarnation && who.peer != known->peer)) {
    return refusal{refusal_kind::replaced,
                   "another process that calls itself " + name + " began later, at " + known->peer.host + ":" +
                     number(known->peer.port) +
                     "; end one of the two for good: if the data folder was copied, the copy must not be started"};
  }
  return std::nullopt;
}

/// Neighbouring versions work together, so that nodes can be renewed one after the other.
std::optional<members_logic::refusal> members_logic::refuse_version(const node_entry& who) const {
  for (const auto& [id, each] : map_.nodes) {
    if (id == who.id || each.state == node_state::removed || each.replaced_by == who.id) {
      continue;
    }
    const std::uint32_t older = std::min(each.wire_version, who.wire_version);
    const std::uint32_t newer = std::max(each.wire_version, who.wire_version);
    if (newer - older > 1) {
      const node_id first = each.wire_version < who.wire_version ? id : who.id;
      return refusal{refusal_kind::wire_version,
                     "node " + number(who.id.value()) + " speaks version " + number(who.wire_version) +
                       " to other nodes, node " + number(id.value()) + " version " + number(each.wire_version) +
                       ", and only neighbouring versions work together; renew the program on node " +
                       number(first.value()) + " first, over the releases in between"};
    }
  }
  return std::nullopt;
}

void members_logic::put_node(node_entry who, std::uint64_t known_version, outcome& out) {
  const node_entry* const known = map_.find(who.id);
  const bool joins = known == nullptr;
  if (!joins) {
    who.state = known->state;
    // One that was started again, or has heard since that it counts as lost, is not: whoever was to replace it becomes
    // a node beside it. The newest map was made when the mark was, or later.
    const bool lives = known->incarnation != who.incarnation || known_version >= map_.version;
    who.replaced_by = lives ? persistence::no_node : known->replaced_by;
    if (*known == who) {
      return;
    }
  }
  ++map_.version;
  last_node_ = std::max(last_node_, who.id.value());
  put_row(who, out);
  if (joins) {
    // In one decision: with one node fewer, for a while, shards would be given fewer voters.
    for (auto& [id, each] : map_.nodes) {
      if (each.replaced_by == who.id && each.state != node_state::removed) {
        each.state = node_state::removed;
        put_row(each, out);
      }
    }
  }
  map_.nodes[who.id] = std::move(who);
  if (joins) {
    place_again(out);
  }
  put_settings(out);
}

void members_logic::put_row(const node_entry& who, outcome& out) {
  out.rows.push_back({node_table, sub_key(who.id), to_record(who).SerializeAsString()});
}

void members_logic::place_again(outcome& out) {
  std::map<shard_id, shard_entry> placed = place(map_);
  for (const auto& [shard, entry] : placed) {
    const auto before = map_.placed.find(shard);
    if (before == map_.placed.end() || !(before->second == entry)) {
      out.rows.push_back({placement_table, sub_key(shard), to_record(shard, entry).SerializeAsString()});
    }
  }
  map_.placed = std::move(placed);
}

void members_logic::put_settings(outcome& out) const {
  out.rows.push_back({settings_table, {}, settings_record(map_, last_node_).SerializeAsString()});
}

void members_logic::next_node_id(const wire::NextNodeId& what, wire::NodeId& answer, outcome& out) {
  const node_id replaces{what.replaces()};
  const auto replaced = map_.nodes.find(replaces);
  const std::uint64_t next = std::max(last_node_ + 1, what.least());
  if (replaces != persistence::no_node &&
      (replaced == map_.nodes.end() || replaced->second.state == node_state::removed)) {
    answer.set_refusal("the cluster has no node " + number(replaces.value()) +
                       "; `godwit ctl nodes` shows which it has");
  } else if (map_.version == 0) {
    answer.set_refusal("no node of this cluster has announced itself yet; try again in a moment");
  } else if (what.exact() && next != what.least()) {
    answer.set_refusal("number " + number(what.least()) + " was given before; the first one that is free is " +
                       number(next));
  } else if (next > limits::node_id_max) {
    answer.set_refusal("all numbers of nodes from " + number(std::max<std::uint64_t>(what.least(), 1)) + " to " +
                       number(limits::node_id_max) + " were given");
  } else {
    last_node_ = next;
    answer.set_id(next);
    if (replaced != map_.nodes.end()) {
      ++map_.version;
      answer.set_replaces(replaces.value());
      answer.set_instead_of(replaced->second.replaced_by.value());
      replaced->second.replaced_by = node_id{next};
      put_row(replaced->second, out);
    }
    put_settings(out);
  }
}

} // namespace godwit::cluster
