#include "node/server/cluster_commands.hpp"

#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <utility>

#include "cluster/member/member_records.hpp"
#include "cluster/peer/peer_greeting.hpp"
#include "cluster/shard/router.hpp"
#include "cluster/wire/member_commands.pb.h"
#include "persistence/log/log_entry.hpp"

namespace godwit::node {
namespace {

using cluster::leader_board;
using cluster::leadership;
using cluster::meta_shard;
using cluster::node_id;
using cluster::shard_id;
using json = nlohmann::ordered_json;
using persistence::member_role;
using persistence::no_node;
using steady = std::chrono::steady_clock;

/// How long shards' leaders may take to answer.
constexpr std::chrono::seconds answer_time{3};
/// From the steward's word that it will be tried until the other node leads and this one has heard of it.
constexpr std::chrono::seconds handover_time{6};
constexpr std::chrono::milliseconds look_time{50};

bool ends(const cluster_access& access) { return access.ending && access.ending(); }

std::chrono::milliseconds until(steady::time_point end) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - steady::now());
  return std::clamp(left, std::chrono::milliseconds(0), look_time);
}

std::string name_of(shard_id which) { return which == meta_shard ? "meta" : std::to_string(which.value()); }

std::string name_of(node_id which) { return which == no_node ? "-" : std::to_string(which.value()); }

const char* name_of(member_role role) {
  switch (role) {
  case member_role::voter: return "voter";
  case member_role::standby: return "standby";
  case member_role::spare: return "spare";
  }
  return "unknown";
}

const char* name_of(cluster::node_state state) {
  switch (state) {
  case cluster::node_state::member: return "member";
  case cluster::node_state::leaving: return "leaving";
  case cluster::node_state::removed: return "removed";
  }
  return "unknown";
}

const char* name_of(persistence::raft::role role) {
  switch (role) {
  case persistence::raft::role::leader: return "leader";
  case persistence::raft::role::candidate: return "candidate";
  case persistence::raft::role::follower: return "follower";
  }
  return "unknown";
}

std::vector<shard_id> all_shards(const leader_board& board) {
  std::vector<shard_id> out;
  for (std::uint16_t number = 0; number < board.shards(); ++number) {
    out.emplace_back(number);
  }
  out.push_back(meta_shard);
  return out;
}

std::int64_t number(std::uint64_t of) { return static_cast<std::int64_t>(of); }

/// Asks the stewards of these shards at once. What has come by the end of `within`; a steward that could not be asked
/// has an empty answer.
std::map<shard_id, cluster::entity_reply> ask(caf::actor_system& system, cluster::router& router,
                                              const cluster_access& access, const std::vector<shard_id>& shards,
                                              const std::string& body, std::chrono::milliseconds within) {
  caf::scoped_actor self{system, true};
  for (const shard_id each : shards) {
    auto request = caf::make_counted<cluster::entity_request>();
    request->to = cluster::member_records::steward_ref(each);
    request->type = cluster::request_type::command;
    request->body = body;
    request->reply_to = caf::actor_cast<caf::actor>(self);
    request->token = each.value();
    router.send(std::move(request));
  }
  std::map<shard_id, cluster::entity_reply> out;
  const auto end = steady::now() + within;
  while (out.size() < shards.size() && steady::now() < end && !ends(access)) {
    self->receive(
      [&](cluster::entity_reply& reply) {
        const shard_id from{static_cast<std::uint16_t>(reply.token)};
        out.insert_or_assign(from, std::move(reply));
      },
      caf::after(until(end)) >> [] {});
  }
  return out;
}

control_answer nothing_to_see() { return control_failure("this node is not part of a cluster yet; try again"); }

// --- nodes ----------------------------------------------------------------------------------------

std::map<node_id, std::int64_t> leads(const leader_board& board) {
  std::map<node_id, std::int64_t> out;
  for (const shard_id each : all_shards(board)) {
    ++out[board.find(each).node];
  }
  return out;
}

std::string addresses(const std::vector<cluster::peer_address>& of) {
  std::string out;
  for (const cluster::peer_address& each : of) {
    out += (out.empty() ? "" : " ") + cluster::to_string(each);
  }
  return out;
}

control_answer node_table(const std::vector<std::vector<control_value>>& rows) {
  return control_table({"node", "name", "state", "up", "peers", "clients", "metrics", "incarnation", "clock_ahead_ms",
                        "round_trip_us", "leads", "wire_version", "replaced_by", "trouble"},
                       rows);
}

std::string replacement_text(const cluster::node_entry& of) {
  if (of.replaced_by == no_node) {
    return "-";
  }
  return name_of(of.replaced_by) + (of.state == cluster::node_state::removed ? "" : ", not here yet");
}

/// Whom a node tries to reach that has not heard of its cluster yet; number 0 where it is not known.
control_answer sought_nodes(const cluster_access& access) {
  std::vector<std::vector<control_value>> rows;
  for (const auto& list : {access.peers, access.seeds}) {
    for (const cluster::peer_status& each : list ? list() : std::vector<cluster::peer_status>{}) {
      rows.push_back({number(each.node.value()), std::string(), std::string("sought"), each.up,
                      cluster::to_string(each.address), std::string(), std::string(), number(each.incarnation),
                      each.clock_ahead_ms, number(each.round_trip_us), std::int64_t{0}, std::int64_t{0},
                      std::int64_t{0}, each.trouble});
    }
  }
  return rows.empty() ? nothing_to_see() : node_table(rows);
}

// --- shards ---------------------------------------------------------------------------------------

/// A shard, as far as it is known.
struct shard_view {
  shard_id shard;
  leadership leader;
  std::optional<cluster::wire::Shard> told; ///< by its leader
  const cluster::shard_status* here = nullptr;
};

json member_json(const cluster::wire::Shard& of, const cluster::wire::ShardMember& each) {
  return {{"node", each.node()},
          {"role", name_of(static_cast<member_role>(each.role()))},
          {"match_index", each.match_index()},
          {"lag", of.last_index() - std::min(of.last_index(), each.match_index())},
          {"up", each.up()},
          {"catching_up", each.catching_up()}};
}

json json_of(const shard_view& view) {
  json out;
  out["shard"] = view.shard == meta_shard ? json("meta") : json(view.shard.value());
  out["leader"] = view.leader.node == no_node ? json() : json(view.leader.node.value());
  out["term"] = view.leader.term;
  out["answered"] = view.told.has_value();
  if (view.told) {
    out["last_index"] = view.told->last_index();
    out["commit_index"] = view.told->commit_index();
    out["change_pending"] = view.told->change_pending();
    out["members"] = json::array();
    for (const auto& each : view.told->member()) {
      out["members"].push_back(member_json(*view.told, each));
    }
  }
  if (view.here != nullptr) {
    out["here"] = {{"role", name_of(view.here->role)},    {"term", view.here->term},
                   {"last_index", view.here->last},       {"commit_index", view.here->commit},
                   {"applied_index", view.here->applied}, {"lag", view.here->lag()},
                   {"installing", view.here->installing}, {"failed", view.here->failed}};
  }
  return out;
}

/// "1 voter, 2 voter, 3 standby (behind 120)".
std::string members_text(const shard_view& view) {
  if (!view.told) {
    return view.leader.node == no_node ? "nobody leads" : "no answer";
  }
  std::string out;
  for (const auto& each : view.told->member()) {
    std::string remarks;
    const auto remark = [&](const std::string& what) { remarks += (remarks.empty() ? "" : ", ") + what; };
    if (!each.up()) {
      remark("down");
    }
    if (each.catching_up()) {
      remark("catching up");
    }
    if (each.match_index() < view.told->last_index()) {
      remark("behind " + std::to_string(view.told->last_index() - each.match_index()));
    }
    out += (out.empty() ? "" : ", ") + std::to_string(each.node()) + " " +
           name_of(static_cast<member_role>(each.role())) + (remarks.empty() ? "" : " (" + remarks + ")");
  }
  return out;
}

std::string here_text(const shard_view& view) {
  if (view.here == nullptr) {
    return "-";
  }
  std::string out = name_of(view.here->role);
  if (view.here->failed) {
    out += ", failed";
  } else if (view.here->installing) {
    out += ", installing";
  } else if (view.here->lag() != 0) {
    out += ", " + std::to_string(view.here->lag()) + " to apply";
  }
  return out;
}

std::vector<shard_view> look_at_shards(caf::actor_system& system, cluster::router& router, const cluster_access& access,
                                       const std::vector<cluster::shard_status>& here) {
  std::vector<shard_id> led;
  for (const shard_id each : all_shards(*access.leaders)) {
    if (access.leaders->find(each).node != no_node) {
      led.push_back(each);
    }
  }
  cluster::wire::StewardCommand command;
  command.mutable_get_shard();
  const auto answers = ask(system, router, access, led, command.SerializeAsString(), answer_time);
  std::vector<shard_view> out;
  for (const shard_id each : all_shards(*access.leaders)) {
    shard_view view{each, access.leaders->find(each), {}, nullptr};
    const auto answer = answers.find(each);
    cluster::wire::Shard told;
    if (answer != answers.end() && answer->second.status == cluster::reply_status::ok &&
        told.ParseFromString(answer->second.body) && told.leader() != 0) {
      view.leader = {node_id{told.leader()}, told.term()};
      view.told = std::move(told);
    }
    const auto own = std::find_if(here.begin(), here.end(), [each](const auto& one) { return one.shard == each; });
    view.here = own == here.end() ? nullptr : &*own;
    out.push_back(std::move(view));
  }
  return out;
}

// --- transfer -------------------------------------------------------------------------------------

std::optional<std::uint64_t> parse_number(const std::string& text) {
  std::uint64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(out) : std::nullopt;
}

std::optional<shard_id> parse_shard(const std::string& text, std::uint16_t shards) {
  if (text == "meta") {
    return meta_shard;
  }
  const auto found = parse_number(text);
  return found && *found < shards ? std::optional(shard_id{static_cast<std::uint16_t>(*found)}) : std::nullopt;
}

bool wait_for_leader(const cluster_access& access, shard_id shard, node_id to) {
  const auto end = steady::now() + handover_time;
  while (access.leaders->find(shard).node != to) {
    if (steady::now() >= end || ends(access)) {
      return false;
    }
    std::this_thread::sleep_for(look_time);
  }
  return true;
}

} // namespace

control_answer nodes_of(const cluster_access& access) {
  const cluster::cluster_map_ptr map = access.map ? access.map() : nullptr;
  if (map == nullptr || access.leaders == nullptr) {
    return nothing_to_see();
  }
  if (map->version == 0) {
    return sought_nodes(access);
  }
  std::map<node_id, cluster::peer_status> peers;
  for (cluster::peer_status& each : access.peers ? access.peers() : std::vector<cluster::peer_status>{}) {
    peers.emplace(each.node, std::move(each));
  }
  const auto counts = leads(*access.leaders);
  std::vector<std::vector<control_value>> rows;
  std::vector<std::vector<control_value>> told; // as rows, for people
  for (const auto& [id, each] : map->nodes) {
    const bool self = id == access.self;
    const auto peer = peers.find(id);
    const bool linked = peer != peers.end();
    const auto count = counts.find(id);
    rows.push_back({number(id.value()), each.name, std::string(name_of(each.state)),
                    self || (linked && peer->second.up), cluster::to_string(each.peer), addresses(each.clients),
                    cluster::to_string(each.metrics), number(each.incarnation),
                    linked ? peer->second.clock_ahead_ms : std::int64_t{0},
                    linked ? number(peer->second.round_trip_us) : std::int64_t{0},
                    count == counts.end() ? std::int64_t{0} : count->second, number(each.wire_version),
                    number(each.replaced_by.value()), linked ? peer->second.trouble : std::string()});
    told.push_back(rows.back());
    *(told.back().end() - 2) = replacement_text(each);
  }
  control_answer answer = node_table(told);
  answer.json = node_table(rows).json;
  return answer;
}

control_answer shards_of(caf::actor_system& system, cluster::router& router, const cluster_access& access) {
  if (access.leaders == nullptr) {
    return nothing_to_see();
  }
  const std::vector<cluster::shard_status> here =
    access.shards ? access.shards() : std::vector<cluster::shard_status>{};
  std::vector<std::vector<control_value>> rows;
  json list = json::array();
  for (const shard_view& each : look_at_shards(system, router, access, here)) {
    rows.push_back({name_of(each.shard), name_of(each.leader.node), number(each.leader.term),
                    each.told ? std::to_string(each.told->last_index()) : std::string("-"),
                    each.told ? std::to_string(each.told->commit_index()) : std::string("-"), here_text(each),
                    members_text(each)});
    list.push_back(json_of(each));
  }
  control_answer answer = control_table({"shard", "leader", "term", "last", "committed", "here", "members"}, rows);
  answer.json = list.dump();
  return answer;
}

control_answer transfer_of(caf::actor_system& system, cluster::router& router, const cluster_access& access,
                           const std::vector<std::string>& arguments) {
  if (access.leaders == nullptr) {
    return nothing_to_see();
  }
  const auto shard = parse_shard(arguments[0], access.leaders->shards());
  const auto to = parse_number(arguments[1]);
  if (!shard || !to || *to == 0) {
    return control_failure("usage: godwit ctl transfer SHARD NODE; a shard is a number from 0 to " +
                           std::to_string(access.leaders->shards() - 1) + ", or meta");
  }
  const std::string name = *shard == meta_shard ? "the cluster's own shard" : "shard " + name_of(*shard);
  const leadership before = access.leaders->find(*shard);
  if (before.node == no_node) {
    return control_failure("nobody leads " + name + " now; `godwit ctl nodes` shows which nodes are down");
  }
  cluster::wire::StewardCommand command;
  command.mutable_hand_over()->set_to(*to);
  const auto answers = ask(system, router, access, {*shard}, command.SerializeAsString(), answer_time);
  const auto answer = answers.find(*shard);
  cluster::wire::HandingOver told;
  if (answer == answers.end() || answer->second.status != cluster::reply_status::ok ||
      !told.ParseFromString(answer->second.body)) {
    return control_failure("the leader of " + name + ", node " + name_of(before.node) + ", does not answer; try again");
  }
  if (!told.refusal().empty()) {
    return control_failure(told.refusal());
  }
  if (!wait_for_leader(access, *shard, node_id{*to})) {
    return control_failure("node " + std::to_string(*to) + " has not taken " + name + " over; the log of node " +
                           name_of(access.leaders->find(*shard).node) + " may tell why");
  }
  return control_record({{"shard", name_of(*shard)},
                         {"from", number(before.node.value())},
                         {"to", number(*to)},
                         {"term", number(access.leaders->find(*shard).term)}});
}

} // namespace godwit::node
