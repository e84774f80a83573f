#include "tests/simulation/members_operator.hpp"

#include <algorithm>
#include <utility>

namespace godwit::simulation {

using persistence::configuration;
using persistence::member;
using persistence::member_role;
using persistence::no_node;
using persistence::node_id;

namespace raft = persistence::raft;

void members_operator::turn() {
  sim_node* const leader = newest_leader(all_);
  if (leader == nullptr || leader->replica().core().transferee() != no_node || go_on_catching_up(*leader)) {
    return;
  }
  if (leader->replica().core().change_pending() && !world_.random.chance(0.05)) {
    return; // now and then it is asked for all the same, and refuses
  }
  switch (world_.random.below(10)) {
  case 0:
  case 1:
  case 2: add(*leader); break;
  case 3:
  case 4:
  case 5:
  case 6: catch_up(*leader); break;
  case 7: demote(*leader); break;
  default: remove(*leader); break;
  }
}

bool members_operator::go_on_catching_up(sim_node& leader) {
  const raft::consensus& core = leader.replica().core();
  if (catching_up_ == no_node || core.term() != catching_up_term_) {
    catching_up_ = no_node;
    return false;
  }
  const raft::catch_up_status status = core.catch_up(catching_up_);
  if (status == raft::catch_up_status::running ||
      (status == raft::catch_up_status::finished && core.change_pending())) {
    return true;
  }
  const node_id who = std::exchange(catching_up_, no_node);
  if (status != raft::catch_up_status::finished) {
    return false;
  }
  configuration next = core.members();
  for (member& each : next.members) {
    if (each.id == who) {
      each.role = member_role::voter;
    }
  }
  change(leader, std::move(next), "promotes");
  return true;
}

void members_operator::change(sim_node& leader, configuration next, const char* what) {
  if (world_.tracing) {
    std::string text = std::string("is told to change, ") + what + ":";
    for (const member& each : next.members) {
      text += " n" + std::to_string(each.id.value()) +
              (each.role == member_role::voter     ? ""
               : each.role == member_role::standby ? "(standby)"
                                                   : "(spare)");
    }
    world_.trace(leader.id().value(), text);
  }
  const raft::proposal_token token = checker_.propose(leader.index(), leader.replica().core().term(), true);
  expected<void, raft::raft_errc> accepted;
  leader.call(
    [&](raft::replica& replica) { accepted = replica.change_members(world_.now_ms(), std::move(next), token); });
  if (!accepted) {
    checker_.refused(token);
    if (world_.tracing) {
      world_.trace(leader.id().value(), "refuses: " + std::string(to_string(accepted.error())));
    }
  }
}

void members_operator::add(sim_node& leader) {
  configuration next = leader.replica().core().members();
  std::vector<node_id> others;
  for (const auto& node : all_) {
    if (!dead_[node->index()] && std::none_of(next.members.begin(), next.members.end(),
                                              [&](const member& each) { return each.id == node->id(); })) {
      others.push_back(node->id());
    }
  }
  if (others.empty()) {
    return;
  }
  const node_id who = others[world_.random.below(others.size())];
  next.members.push_back({who, world_.random.chance(0.7) ? member_role::standby : member_role::spare});
  change(leader, std::move(next), "adds");
}

void members_operator::catch_up(sim_node& leader) {
  std::vector<node_id> candidates;
  for (const member& each : leader.replica().core().members().members) {
    if (each.role != member_role::voter) {
      candidates.push_back(each.id);
    }
  }
  if (candidates.empty()) {
    return;
  }
  const node_id who = candidates[world_.random.below(candidates.size())];
  expected<void, raft::raft_errc> begun;
  const persistence::term_t term = leader.replica().core().term();
  leader.call([&](raft::replica& replica) { begun = replica.catch_up(world_.now_ms(), who); });
  if (begun) {
    catching_up_ = who;
    catching_up_term_ = term;
    world_.trace(leader.id().value(), "brings n" + std::to_string(who.value()) + " up");
  }
}

bool members_operator::may_go(const configuration& members, std::size_t at) {
  if (members.members[at].role != member_role::voter) {
    return true;
  }
  const auto is_voter = [](const member& each) { return each.role == member_role::voter; };
  const auto left = std::count_if(members.members.begin(), members.members.end(), is_voter) - 1;
  return left >= 2 || (left == 1 && world_.random.chance(world_.kind.shrink));
}

void members_operator::demote(sim_node& leader) {
  configuration next = leader.replica().core().members();
  const std::size_t at = world_.random.below(next.members.size());
  if (!may_go(next, at)) {
    return;
  }
  member_role& role = next.members[at].role;
  if (role == member_role::voter) {
    role = world_.random.chance(0.5) ? member_role::standby : member_role::spare;
  } else {
    role = role == member_role::spare ? member_role::standby : member_role::spare;
  }
  change(leader, std::move(next), "gives another role");
}

void members_operator::remove(sim_node& leader) {
  configuration next = leader.replica().core().members();
  std::size_t at = world_.random.below(next.members.size());
  for (std::size_t i = 0; i < next.members.size(); ++i) {
    if (dead_[next.members[i].id.value() - 1]) {
      at = i;
    }
  }
  if (next.members.size() < 2 || !may_go(next, at)) {
    return;
  }
  next.members.erase(next.members.begin() + static_cast<std::ptrdiff_t>(at));
  change(leader, std::move(next), "removes");
}

} // namespace godwit::simulation
