#include "cluster/member/steward_desk.hpp"

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <utility>

#include "cluster/member/member_log.hpp"
#include "config/cluster_limits.hpp"

namespace godwit::cluster {

using persistence::member;
using persistence::no_node;
using persistence::raft::role;

namespace {

/// A shard that had no turn for so long is not led by this node any more.
constexpr monotonic_ms shown_ms_max = 4 * limits::steward_ms;

} // namespace

steward_desk::steward_desk(options with) : options_(std::move(with)), entries_(options_.shards + std::size_t{1}) {}

steward_desk::desk_entry* steward_desk::find(shard_id which) {
  if (which == meta_shard) {
    return &entries_.back();
  }
  return which.value() < options_.shards ? &entries_[which.value()] : nullptr;
}

void steward_desk::note_link(node_id which, bool up, monotonic_ms now) {
  const std::lock_guard lock(mutex_);
  if (up) {
    up_since_.insert_or_assign(which, now);
  } else {
    up_since_.erase(which);
  }
}

bool steward_desk::ask_hand_over(shard_id which, node_id to, monotonic_ms now) {
  desk_entry* const entry = find(which);
  if (entry == nullptr) {
    return false;
  }
  const std::lock_guard lock(mutex_);
  entry->asked = wish{to, now + limits::handover_wish_ms_max};
  return true;
}

std::optional<led_shard> steward_desk::status(shard_id which, monotonic_ms now) const {
  const desk_entry* const entry = const_cast<steward_desk*>(this)->find(which);
  const std::lock_guard lock(mutex_);
  if (entry == nullptr || entry->shown_at + shown_ms_max < now) {
    return std::nullopt;
  }
  return entry->shown;
}

std::map<node_id, std::uint32_t> steward_desk::leads() const {
  std::map<node_id, std::uint32_t> out;
  for (std::uint16_t number = 0; number < options_.shards; ++number) {
    ++out[options_.leaders->find(shard_id{number}).node];
  }
  ++out[options_.leaders->find(meta_shard).node];
  out.erase(no_node);
  return out;
}

std::uint32_t steward_desk::leaders_spread(const cluster_map& map) const {
  const auto counts = leads();
  std::uint32_t least = std::numeric_limits<std::uint32_t>::max();
  std::uint32_t most = 0;
  for (const auto& [id, node] : map.nodes) {
    const bool up = id == options_.self || up_since_.contains(id);
    if (node.state == node_state::member && up) {
      const auto found = counts.find(id);
      const std::uint32_t count = found == counts.end() ? 0 : found->second;
      least = std::min(least, count);
      most = std::max(most, count);
    }
  }
  return most > least ? most - least : 0;
}

/// Under the lock.
bool steward_desk::may_hand_over(monotonic_ms now) {
  if (handing_over_since_ == 0) {
    return true;
  }
  const bool under_way = options_.leaders->find(handing_over_).node == options_.self;
  return now >= handing_over_since_ + (under_way ? limits::handover_ms_max : limits::balance_pause_ms);
}

steward_facts steward_desk::look(const shard_port& port, desk_entry& entry, const cluster_map& map,
                                 const shard_entry& wanted) {
  const monotonic_ms now = port.now();
  steward_facts facts;
  facts.self = port.self();
  facts.ready = port.role() == role::leader && port.ready_term() != 0 && port.ready_term() == port.term();
  facts.installing = port.installing();
  facts.members = port.members();
  facts.wanted = wanted;
  facts.change_pending = port.change_pending();
  facts.transferring = port.transferring();
  facts.resigned = port.resigned();
  facts.last_index = port.last_index();
  facts.leading_ms = now - entry.leading_since;
  facts.quiet_ms = now - entry.members_since;
  facts.retry = now >= entry.retry_at;

  for (const configuration* const each : std::initializer_list<const configuration*>{&facts.members, &wanted.members}) {
    for (const member& who : each->members) {
      if (who.id != facts.self) {
        peer_facts& of = facts.peers[who.id];
        of.fit = !options_.fit || options_.fit(who.id); // may take locks of its own
        if (facts.ready) {
          of.catch_up = port.catching_up(who.id);
          of.match = port.match_index(who.id);
        }
      }
    }
  }

  const std::lock_guard lock(mutex_);
  for (auto& [who, of] : facts.peers) {
    const auto since = up_since_.find(who);
    of.up = since != up_since_.end();
    of.up_ms = of.up && now > since->second ? now - since->second : 0;
  }
  if (is_filling(facts)) {
    filling_seen_ = std::max(filling_seen_, now);
  }
  facts.settled = filling_seen_ == 0 || now >= filling_seen_ + limits::balance_calm_ms;
  facts.hand_over = may_hand_over(now);
  facts.leaders_spread = leaders_spread(map);
  if (entry.asked && entry.asked->until < now) {
    entry.asked.reset();
  }
  facts.asked = entry.asked ? entry.asked->to : no_node;
  return facts;
}

void steward_desk::show(const shard_port& port, const steward_facts& facts, desk_entry& entry) {
  led_shard shown;
  shown.shard = port.shard();
  shown.leader = facts.self;
  shown.term = port.term();
  shown.last_index = facts.last_index;
  shown.commit_index = port.commit_index();
  shown.change_pending = facts.change_pending;
  for (const member& each : facts.members.members) {
    const auto found = facts.peers.find(each.id);
    if (found == facts.peers.end()) {
      shown.members.push_back({each, facts.last_index, true, false});
    } else {
      shown.members.push_back(
        {each, found->second.match, found->second.up, found->second.catch_up == catch_up_status::running});
    }
  }
  const std::lock_guard lock(mutex_);
  entry.shown = std::move(shown);
  entry.shown_at = port.now();
}

void steward_desk::note_leading(const shard_port& port, desk_entry& entry) {
  const monotonic_ms now = port.now();
  if (entry.term != port.term()) {
    entry.term = port.term();
    entry.leading_since = now;
    entry.members_since = now;
    entry.retry_at = 0;
  }
  if (!(entry.members == port.members())) {
    entry.members = port.members();
    entry.members_since = now;
  }
}

void steward_desk::turn(shard_port& port) {
  desk_entry* const entry = find(port.shard());
  if (entry == nullptr) {
    return;
  }
  const bool leads = port.role() == role::leader;
  if (leads) {
    note_leading(port, *entry);
  }
  const cluster_map_ptr map = options_.map->current();
  const auto placed = map->placed.find(port.shard());
  // Without a map everything stays as it is.
  const shard_entry wanted = placed == map->placed.end() ? shard_entry{port.members(), port.self()} : placed->second;
  const steward_facts facts = look(port, *entry, *map, wanted);
  if (!leads) {
    return;
  }
  show(port, facts, *entry);
  const steward_step step = next_step(facts);
  if (step.kind == step_kind::transfer) {
    hand_over(port, *entry, step.who, step.who == facts.asked);
  } else {
    carry_out(port, *entry, step);
  }
}

void steward_desk::hand_over(shard_port& port, desk_entry& entry, node_id to, bool asked) {
  {
    const std::lock_guard lock(mutex_);
    if (!asked && !may_hand_over(port.now())) {
      return; // another loop was first
    }
    entry.asked.reset();
    handing_over_ = port.shard();
    handing_over_since_ = port.now();
  }
  told(port, entry, "leadership_handed_over", to, port.transfer(to).has_value());
  entry.retry_at = port.now() + limits::steward_retry_ms;
}

void steward_desk::told(const shard_port& port, desk_entry& entry, const char* what, node_id who, bool taken) {
  if (!taken) {
    entry.retry_at = port.now() + limits::steward_retry_ms;
  }
  log::info(member_log, what, {{"shard", port.shard()}, {"term", port.term()}, {"node", who}, {"taken", taken}});
}

void steward_desk::carry_out(shard_port& port, desk_entry& entry, const steward_step& step) {
  if (step.kind == step_kind::change) {
    const node_id who = changed_member(port.members(), step.next);
    told(port, entry, "members_change", who, port.change_members(step.next).has_value());
  } else if (step.kind == step_kind::catch_up) {
    told(port, entry, "member_catches_up", step.who, port.catch_up(step.who).has_value());
    // Should it be given up, not at once again.
    entry.retry_at = std::max(entry.retry_at, port.now() + limits::steward_ms);
  }
}

} // namespace godwit::cluster
