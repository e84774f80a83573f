#include "node/server/next_node.hpp"

#include <caf/actor_system.hpp>
#include <caf/scoped_actor.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>
#include <thread>

#include "cluster/member/member_records.hpp"
#include "cluster/shard/router.hpp"
#include "cluster/wire/member_commands.pb.h"
#include "config/ip_address.hpp"
#include "config/peer_text.hpp"

namespace godwit::node {
namespace {

using cluster::node_id;
using steady = std::chrono::steady_clock;

/// Less than `godwit invite` waits.
constexpr std::chrono::seconds number_time{6};
constexpr std::chrono::milliseconds look_time{50};

bool ends(const cluster_access& access) { return access.ending && access.ending(); }

std::int64_t number(std::uint64_t of) { return static_cast<std::int64_t>(of); }

/// 0: there is none.
std::uint64_t number_at(const std::vector<std::string>& arguments, std::size_t place) {
  std::uint64_t out = 0;
  if (place < arguments.size()) {
    const std::string& text = arguments[place];
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    out = error == std::errc{} && end == text.data() + text.size() ? out : 0;
  }
  return out;
}

bool is_up(const cluster_access& access, node_id which) {
  const auto peers = access.peers ? access.peers() : std::vector<cluster::peer_status>{};
  return which == access.self ||
         std::any_of(peers.begin(), peers.end(), [which](const auto& each) { return each.node == which && each.up; });
}

/// What `next-node-id` was told.
struct number_request {
  std::uint64_t least = 0;
  std::uint64_t replaces = 0; ///< 0: nobody
  bool exact = false;         ///< least or none
};

number_request parse_request(const std::vector<std::string>& arguments) {
  number_request out;
  out.least = number_at(arguments, 0);
  out.replaces = number_at(arguments, 1);
  out.exact = arguments.size() > 2 && arguments[2] == "exact";
  return out;
}

/// Nothing: no answer, which may come another time when it was `understood`.
std::optional<cluster::wire::NodeId> set_number_aside(caf::actor_system& system, cluster::router& router,
                                                      const cluster_access& access, const number_request& what,
                                                      steady::time_point end, bool& understood) {
  caf::scoped_actor self{system, true};
  cluster::wire::MembersCommand command;
  command.mutable_next_node_id()->set_replaces(what.replaces);
  command.mutable_next_node_id()->set_least(what.least);
  command.mutable_next_node_id()->set_exact(what.exact);
  auto request = caf::make_counted<cluster::entity_request>();
  request->to = cluster::member_records::members_ref;
  request->type = cluster::request_type::command;
  request->body = command.SerializeAsString();
  request->reply_to = caf::actor_cast<caf::actor>(self);
  router.send(std::move(request));
  std::optional<cluster::wire::NodeId> out;
  bool answered = false;
  while (!answered && steady::now() < end && !ends(access)) {
    self->receive(
      [&](cluster::entity_reply& reply) {
        answered = true;
        understood = reply.status != cluster::reply_status::error;
        cluster::wire::NodeId told;
        if (reply.status == cluster::reply_status::ok && told.ParseFromString(reply.body)) {
          out = std::move(told);
        }
      },
      caf::after(look_time) >> [] {});
  }
  return out;
}

} // namespace

control_answer next_node_answer(const cluster::cluster_map& map, std::uint64_t given, std::uint64_t instead_of) {
  if (map.version == 0) {
    return control_failure("this node has not heard of its cluster yet; try again");
  }
  std::uint64_t last = 0;
  std::string seeds;
  for (const auto& [id, node] : map.nodes) {
    last = std::max(last, id.value());
    if (node.state == cluster::node_state::member && config::parse_ip(node.peer.host)) {
      seeds += (seeds.empty() ? "" : ",") + config::host_port{node.peer.host, node.peer.port}.text();
    }
  }
  const std::uint64_t next = given != 0 ? given : last + 1;
  return control_record({{"node", number(next)}, {"seeds", seeds}, {"instead_of", number(instead_of)}});
}

control_answer next_node_of(caf::actor_system& system, cluster::router& router, const cluster_access& access,
                            const std::vector<std::string>& arguments) {
  if (!access.map) {
    return control_failure("this node is not part of a cluster yet; try again");
  }
  const number_request what = parse_request(arguments);
  const std::string lost = "node " + std::to_string(what.replaces);
  if (what.replaces != 0 && is_up(access, node_id{what.replaces})) {
    return control_failure(lost + " is up, and a node is replaced when it is lost; end it for good first");
  }
  const auto end = steady::now() + number_time;
  bool understood = true;
  while (understood && steady::now() < end && !ends(access)) {
    const auto answer = set_number_aside(system, router, access, what, end, understood);
    if (answer && !answer->refusal().empty() && access.map()->version != 0) {
      return control_failure(answer->refusal());
    }
    if (answer && answer->id() != 0 && answer->replaces() != what.replaces) {
      return control_failure("the node that leads the cluster's own shard does not know how to replace " + lost +
                             ": renew the program there; `godwit ctl shards` shows who leads meta");
    }
    // A leader of a neighbouring version gives numbers one by one.
    if (answer && answer->id() != 0 && answer->id() >= what.least) {
      return next_node_answer(*access.map(), answer->id(), answer->instead_of());
    }
    if (!answer || answer->id() == 0) {
      std::this_thread::sleep_for(look_time);
    }
  }
  if (what.replaces != 0) {
    return control_failure(
      "the cluster does not answer, and a node is replaced by its decision: a majority of its nodes "
      "is down or out of reach; `godwit ctl nodes` shows which");
  }
  return next_node_answer(*access.map());
}

} // namespace godwit::node
