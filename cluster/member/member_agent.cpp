#include "cluster/member/member_agent.hpp"

#include <caf/actor_cast.hpp>

#include <algorithm>
#include <optional>
#include <utility>

#include "cluster/member/member_log.hpp"
#include "cluster/member/member_records.hpp"
#include "cluster/shard/router.hpp"
#include "cluster/wire/member_commands.pb.h"
#include "config/cluster_limits.hpp"
#include "config/limits.hpp"

namespace godwit::cluster {

namespace {

/// Announcements that were not heard for so long are told of.
constexpr monotonic_ms silence_ms = 5'000;
/// The router answers by itself before this.
constexpr monotonic_ms lost_ms = limits::request_timeout_ms + 1'000;

bool same(const std::vector<peer_hub::peer>& a, const std::vector<peer_hub::peer>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const peer_hub::peer& x, const peer_hub::peer& y) {
    return x.node == y.node && x.address == y.address;
  });
}

} // namespace

std::vector<peer_hub::peer> peers_of(const cluster_map& map, node_id self,
                                     const std::map<node_id, peer_address>& fixed) {
  std::map<node_id, peer_address> known = fixed;
  for (const auto& [id, each] : map.nodes) {
    if (each.state == node_state::removed) {
      known.erase(id);
    } else {
      known.emplace(id, each.peer);
    }
  }
  known.erase(self);
  std::vector<peer_hub::peer> out;
  for (auto& [id, address] : known) {
    out.push_back({id, std::move(address)});
  }
  return out;
}

member_agent::member_agent(caf::actor_config& config, home_loop& home, member_agent_setup with)
    : pinned_actor(config, home),
      setup_(std::move(with)),
      pause_ms_(limits::announce_first_ms),
      dice_(scattered(setup_.seed).value()) {}

member_agent::~member_agent() = default;

caf::behavior member_agent::make_behavior() {
  set_default_handler(caf::drop);
  timer_ = std::make_unique<loop_timer>([this] { announce(); });
  const cluster_map_ptr map = setup_.board->current();
  if (map->version != 0 || !setup_.fixed.empty()) {
    tell_peers(*map);
  }
  announce();
  return {[this](entity_reply& reply) { take(reply); }};
}

void member_agent::on_exit() { timer_.reset(); }

monotonic_ms member_agent::jittered(monotonic_ms ms) {
  dice_ = scattered(dice_).value();
  return ms - ms / 4 + dice_ % (ms / 2 + 1);
}

void member_agent::again_in(monotonic_ms ms) { home().arm(*timer_, home().now() + jittered(ms)); }

void member_agent::announce() {
  if (ended_) {
    return;
  }
  wire::MembersCommand what;
  wire::Announce& announced = *what.mutable_announce();
  announced.set_cluster_id(setup_.cluster_id);
  announced.set_cluster_name(setup_.cluster_name);
  announced.set_shards(setup_.shards);
  *announced.mutable_node() = member_records::to_record(setup_.self);
  announced.set_known_version(setup_.board->current()->version);

  auto request = caf::make_counted<entity_request>();
  request->to = member_records::members_ref;
  request->type = request_type::command;
  request->body = what.SerializeAsString();
  request->reply_to = caf::actor_cast<caf::actor>(this);
  request->token = asked_ = ++last_token_;
  setup_.router->send(std::move(request));
  home().arm(*timer_, home().now() + lost_ms);
}

void member_agent::take(entity_reply& reply) {
  if (reply.token != asked_ || asked_ == 0 || ended_) {
    return; // of an announcement that was given up
  }
  asked_ = 0;
  wire::Announced answer;
  const bool answered = reply.status == reply_status::ok && answer.ParseFromString(reply.body);
  if (!answered) {
    failing_since_ = failing_since_ == 0 ? home().now() : failing_since_;
    if (home().now() - failing_since_ >= silence_ms || reply.status == reply_status::error) {
      tell_health("the cluster's own shard does not answer: a majority of its nodes is down or out of reach; "
                  "`godwit ctl nodes` shows which");
    }
    again_in(pause_ms_);
    pause_ms_ = std::min<monotonic_ms>(pause_ms_ * 2, limits::announce_ms);
    return;
  }
  if (answer.has_refusal()) {
    refuse(static_cast<refusal_kind>(answer.refusal().kind()), answer.refusal().text());
    return;
  }
  failing_since_ = 0;
  pause_ms_ = limits::announce_first_ms;
  if (!heard_) {
    heard_ = true;
    log::info(member_log, "announced", {{"node", setup_.self.id}, {"version", answer.version()}});
  }
  std::optional<cluster_map> map;
  if (answer.has_map() && !(map = member_records::from_wire(answer.map()))) {
    tell_health("the cluster's map cannot be read: other nodes run a newer version of the program; renew it here");
  } else {
    tell_health({});
  }
  if (map) {
    take_map(std::move(*map));
  }
  again_in(limits::announce_ms);
}

void member_agent::take_map(cluster_map map) {
  log::info(member_log, "map_changed", {{"version", map.version}, {"nodes", map.nodes.size()}});
  const auto taken = std::make_shared<const cluster_map>(std::move(map));
  setup_.board->put(taken);
  tell_peers(*setup_.board->current());
}

void member_agent::tell_peers(const cluster_map& map) {
  std::vector<peer_hub::peer> now = peers_of(map, setup_.self.id, setup_.fixed);
  if (same(now, told_)) {
    return;
  }
  told_ = now;
  if (setup_.set_peers) {
    setup_.set_peers(std::move(now));
  }
}

void member_agent::tell_health(std::string text) {
  if (text == health_) {
    return;
  }
  health_ = std::move(text);
  if (!health_.empty()) {
    log::warning(member_log, "not_announced", {{"node", setup_.self.id}, {"why", health_}});
  }
  if (setup_.health) {
    setup_.health(health_);
  }
}

void member_agent::refuse(refusal_kind kind, const std::string& text) {
  ended_ = true;
  home().disarm(*timer_);
  log::error(member_log, "refused", {{"node", setup_.self.id}, {"why", text}});
  health_ = text;
  if (setup_.health) {
    setup_.health(health_);
  }
  if (setup_.refused) {
    setup_.refused(kind, text);
  }
}

} // namespace godwit::cluster
