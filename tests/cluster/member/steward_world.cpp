#include "tests/cluster/member/steward_world.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "cluster/member/placement.hpp"
#include "config/cluster_limits.hpp"

namespace godwit::test {

using namespace cluster; // NOLINT: the subject
using persistence::member;
using persistence::member_role;
namespace raft = persistence::raft;

/// A shard of a node, as its loop would show it.
class steward_world::port final : public shard_port {
public:
  port(steward_world& world, std::size_t group, unsigned node)
      : world_(world), group_(group), node_(node), core_(*(*world.groups_[group])[node].core) {}

  [[nodiscard]] shard_id shard() const override { return world_.shard_of(group_); }
  [[nodiscard]] node_id self() const override { return node_id{node_}; }
  [[nodiscard]] monotonic_ms now() const override { return world_.now_; }
  [[nodiscard]] raft::role role() const override { return core_.current_role(); }
  [[nodiscard]] term_t term() const override { return core_.term(); }
  [[nodiscard]] term_t ready_term() const override {
    const bool ready = role() == raft::role::leader && core_.term_of(core_.commit_index()) == core_.term();
    return ready ? core_.term() : 0;
  }
  [[nodiscard]] const configuration& members() const override { return core_.members(); }
  [[nodiscard]] bool installing() const override { return (*world_.groups_[group_])[node_].installing.has_value(); }
  [[nodiscard]] bool change_pending() const override { return core_.change_pending(); }
  [[nodiscard]] raft::catch_up_status catching_up(node_id who) const override { return core_.catch_up(who); }
  [[nodiscard]] index_t match_index(node_id who) const override { return core_.match_index(who); }
  [[nodiscard]] index_t commit_index() const override { return core_.commit_index(); }
  [[nodiscard]] index_t last_index() const override { return core_.last_index(); }
  [[nodiscard]] monotonic_ms lease_until() const override { return core_.lease_until(); }
  [[nodiscard]] bool transferring() const override { return core_.transferee() != persistence::no_node; }
  [[nodiscard]] bool resigned() const override { return false; }

  expected<void, raft::raft_errc> change_members(configuration next) override {
    return told(step(raft::change_submitted{std::move(next)}), world_.changes);
  }
  expected<void, raft::raft_errc> catch_up(node_id who) override {
    unsigned none = 0;
    return told(step(raft::catch_up_started{who}), none);
  }
  expected<void, raft::raft_errc> transfer(node_id to) override {
    world_.handed_over.push_back(world_.now_);
    return told(step(raft::transfer_started{to}), world_.transfers);
  }

private:
  expected<raft::effects, raft::raft_errc> step(raft::event what) {
    return world_.groups_[group_]->step(node_, std::move(what));
  }
  expected<void, raft::raft_errc> told(const expected<raft::effects, raft::raft_errc>& of, unsigned& count) {
    if (!of) {
      ++world_.refusals;
      return unexpected(of.error());
    }
    ++count;
    return {};
  }

  steward_world& world_;
  std::size_t group_;
  unsigned node_;
  raft::consensus& core_;
};

steward_world::steward_world(unsigned nodes, std::uint16_t shards)
    : nodes_(nodes), map_(std::make_shared<const cluster_map>()) {
  for (std::size_t i = 0; i < shards + std::size_t{1}; ++i) {
    groups_.push_back(std::make_unique<tests::consensus_cluster>(1, nodes));
    groups_.back()->now = now_;
    for (unsigned id = 1; id <= nodes; ++id) {
      auto& options = (*groups_.back())[id].options;
      options.seed = static_cast<std::uint32_t>(1 + 100 * i + id);
      groups_.back()->restart(id);
    }
  }
  for (unsigned id = 1; id <= nodes; ++id) {
    node_parts& each = nodes_[id - 1];
    each.map = std::make_unique<map_board>();
    each.leaders = std::make_unique<leader_board>(shards);
    steward_desk::options options;
    options.self = node_id{id};
    options.shards = shards;
    options.map = each.map.get();
    options.leaders = each.leaders.get();
    options.fit = [this](node_id who) { return !unfit.contains(static_cast<unsigned>(who.value())); };
    each.desk = std::make_unique<steward_desk>(std::move(options));
  }
}

shard_id steward_world::shard_of(std::size_t group) const {
  return group + 1 == groups_.size() ? meta_shard : shard_id{static_cast<std::uint16_t>(group)};
}

void steward_world::set_members(const std::set<unsigned>& nodes) {
  auto next = std::make_shared<cluster_map>(*map_);
  ++next->version;
  next->shards = static_cast<std::uint16_t>(groups_.size() - 1);
  for (auto& [id, entry] : next->nodes) {
    if (!nodes.contains(static_cast<unsigned>(id.value()))) {
      entry.state = node_state::leaving;
    }
  }
  for (const unsigned each : nodes) {
    next->nodes[node_id{each}].id = node_id{each};
    next->nodes[node_id{each}].state = node_state::member;
  }
  next->placed = place(*next);
  map_ = next;
  for (node_parts& each : nodes_) {
    each.map->put(map_);
  }
}

// --- troubles -------------------------------------------------------------------------------------

void steward_world::crash(unsigned which) {
  nodes_[which - 1].up = false;
  for (const auto& group : groups_) {
    group->crash(which);
  }
}

void steward_world::start(unsigned which) {
  nodes_[which - 1].up = true;
  for (const auto& group : groups_) {
    group->start(which);
  }
}

void steward_world::cut(unsigned a, unsigned b) {
  cuts_.insert(std::minmax(a, b));
  for (const auto& group : groups_) {
    group->cut(a, b);
  }
}

void steward_world::heal() {
  cuts_.clear();
  for (const auto& group : groups_) {
    group->heal();
  }
}

bool steward_world::linked(unsigned a, unsigned b) const {
  return nodes_[a - 1].up && nodes_[b - 1].up && !cuts_.contains(std::minmax(a, b));
}

void steward_world::note_links() {
  for (unsigned a = 1; a <= nodes_.size(); ++a) {
    for (unsigned b = 1; b <= nodes_.size(); ++b) {
      if (a == b) {
        continue;
      }
      const bool was = links_.contains({a, b});
      if (linked(a, b) && !was) {
        links_.insert({a, b});
        nodes_[a - 1].desk->note_link(node_id{b}, true, now_);
      } else if (!linked(a, b) && was) {
        links_.erase({a, b});
        nodes_[a - 1].desk->note_link(node_id{b}, false, now_);
      }
    }
  }
}

/// Nodes hear at once who leads, if they are linked with those.
void steward_world::note_leaders() {
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    const unsigned leads = groups_[i]->leader();
    for (unsigned id = 1; id <= nodes_.size() && leads != 0; ++id) {
      if (id == leads || linked(id, leads)) {
        nodes_[id - 1].leaders->note(shard_of(i), {node_id{leads}, (*groups_[i])[leads].core->term()});
      }
    }
  }
}

// --- time -----------------------------------------------------------------------------------------

void steward_world::pass(monotonic_ms ms) {
  constexpr monotonic_ms look = 50;
  for (const monotonic_ms end = now_ + ms; now_ < end;) {
    for (const auto& group : groups_) {
      group->pass(look);
    }
    now_ += look;
    note_links();
    note_leaders();
    if (now_ % 200 == 0 && load) {
      add_load();
    }
    if (now_ % limits::steward_ms == 0) {
      turns();
    }
  }
}

void steward_world::add_load() {
  for (const auto& group : groups_) {
    if (const unsigned leads = group->leader(); leads != 0) {
      group->submit(leads, "entry");
    }
  }
}

void steward_world::turns() {
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    for (unsigned id = 1; id <= nodes_.size(); ++id) {
      if (!nodes_[id - 1].up) {
        continue;
      }
      port each(*this, i, id);
      nodes_[id - 1].desk->turn(each);
    }
    groups_[i]->deliver();
    check(i);
  }
}

/// At no time may a shard be left with members of which no majority could be up that was up before.
void steward_world::check(std::size_t group) {
  const unsigned leads = groups_[group]->leader();
  if (leads == 0) {
    return;
  }
  const configuration& members = (*groups_[group])[leads].core->members();
  const auto is_voter = [](const member& each) { return each.role == member_role::voter; };
  EXPECT_TRUE(std::any_of(members.members.begin(), members.members.end(),
                          [&](const member& each) { return is_voter(each) && each.id == node_id{leads}; }))
    << "a leader without a vote";
  EXPECT_LE(std::count_if(members.members.begin(), members.members.end(), is_voter), 6);
  EXPECT_FALSE(groups_[group]->diverged());
}

bool steward_world::members_as_wanted() {
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    const unsigned leads = groups_[i]->leader();
    if (leads == 0) {
      return false;
    }
    std::vector<member> is = (*groups_[i])[leads].core->members().members;
    std::vector<member> wanted = map_->placed.at(shard_of(i)).members.members;
    const auto by_id = [](const member& a, const member& b) { return a.id < b.id; };
    std::sort(is.begin(), is.end(), by_id);
    std::sort(wanted.begin(), wanted.end(), by_id);
    if (is != wanted) {
      return false;
    }
  }
  return true;
}

unsigned steward_world::led_by(unsigned node) {
  return static_cast<unsigned>(
    std::count_if(groups_.begin(), groups_.end(), [node](const auto& group) { return group->leader() == node; }));
}

} // namespace godwit::test
