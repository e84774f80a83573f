#include "cluster/member/steward_rules.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

#include "config/cluster_limits.hpp"

namespace godwit::cluster {
namespace {

using persistence::member;
using persistence::member_role;
using persistence::no_node;

class decision {
public:
  explicit decision(const steward_facts& facts) : facts_(facts) {}

  steward_step make() const {
    if (!facts_.ready || facts_.transferring || facts_.resigned) {
      return {};
    }
    if (facts_.asked != no_node && can_lead(facts_.asked)) {
      return {step_kind::transfer, {}, facts_.asked};
    }
    for (const auto step : {&decision::drop_dead_voter, &decision::add, &decision::promote, &decision::let_go}) {
      if (auto made = (this->*step)()) {
        return *made;
      }
    }
    return balance();
  }

  [[nodiscard]] bool filling() const {
    const std::vector<member>& wanted = facts_.wanted.members.members;
    if (facts_.installing || (facts_.ready && std::any_of(wanted.begin(), wanted.end(),
                                                          [this](const member& each) { return behind(each.id); }))) {
      return true;
    }
    // Who is not to hold the shard does not hear how its members change.
    return find(facts_.wanted.members, facts_.self) != nullptr &&
           std::all_of(wanted.begin(), wanted.end(), [this](const member& each) { return up(each.id); }) &&
           std::any_of(wanted.begin(), wanted.end(), [this](const member& each) {
             return find(facts_.members, each.id) == nullptr || (should_vote(each.id) && !is_voter(each.id));
           });
  }

private:
  using maybe = std::optional<steward_step>;

  // --- what is ---

  [[nodiscard]] const peer_facts* peer(node_id who) const {
    const auto found = facts_.peers.find(who);
    return found == facts_.peers.end() ? nullptr : &found->second;
  }
  [[nodiscard]] bool up(node_id who) const {
    const peer_facts* const found = peer(who);
    return who == facts_.self || (found != nullptr && found->up);
  }
  [[nodiscard]] bool close_behind(node_id who) const {
    const peer_facts* const found = peer(who);
    return found != nullptr && found->up && found->match != 0 &&
           found->match + limits::member_lag_entries_max >= facts_.last_index;
  }
  /// Of a node that is up. A leader that is new has not heard from everybody.
  [[nodiscard]] bool behind(node_id who) const {
    const peer_facts* const found = peer(who);
    return found != nullptr && found->up && find(facts_.members, who) != nullptr &&
           (found->catch_up == catch_up_status::running ||
            (facts_.leading_ms >= limits::steward_ms &&
             found->match + limits::member_lag_entries_max < facts_.last_index));
  }
  static const member* find(const configuration& in, node_id who) {
    const auto at = std::find_if(in.members.begin(), in.members.end(), [&](const member& m) { return m.id == who; });
    return at == in.members.end() ? nullptr : &*at;
  }
  [[nodiscard]] bool is_voter(node_id who) const {
    const member* const found = find(facts_.members, who);
    return found != nullptr && found->role == member_role::voter;
  }
  [[nodiscard]] bool should_vote(node_id who) const {
    const member* const found = find(facts_.wanted.members, who);
    return found != nullptr && found->role == member_role::voter;
  }
  [[nodiscard]] bool can_lead(node_id who) const {
    return who != facts_.self && is_voter(who) && close_behind(who) && peer(who)->fit;
  }
  static std::size_t voters(const configuration& of) {
    return static_cast<std::size_t>(std::count_if(of.members.begin(), of.members.end(),
                                                  [](const member& each) { return each.role == member_role::voter; }));
  }

  // --- what may be ---

  /// A change, when the members that are up could commit it.
  [[nodiscard]] maybe change(configuration next) const {
    const auto able = std::count_if(next.members.begin(), next.members.end(), [this](const member& each) {
      return each.role == member_role::voter && up(each.id);
    });
    if (static_cast<std::size_t>(able) * 2 <= voters(next) || !facts_.retry) {
      return std::nullopt;
    }
    return steward_step{step_kind::change, std::move(next), no_node};
  }
  [[nodiscard]] maybe with_role(node_id who, member_role role) const {
    configuration next = facts_.members;
    for (member& each : next.members) {
      if (each.id == who) {
        each.role = role;
      }
    }
    return change(std::move(next));
  }
  [[nodiscard]] maybe without(node_id who) const {
    configuration next = facts_.members;
    std::erase_if(next.members, [who](const member& each) { return each.id == who; });
    return change(std::move(next));
  }
  /// A standby that is to vote, and could now.
  [[nodiscard]] std::vector<node_id> promotable() const {
    std::vector<node_id> out;
    for (const member& each : facts_.members.members) {
      if (each.role != member_role::voter && should_vote(each.id) && close_behind(each.id)) {
        out.push_back(each.id);
      }
    }
    std::sort(out.begin(), out.end());
    return out;
  }

  // --- steps, the first that can be taken is ---

  /// A voter that is down and has not heard of the last change holds up every change but its own removal.
  [[nodiscard]] maybe drop_dead_voter() const {
    for (const member& each : facts_.members.members) {
      if (each.role == member_role::voter && each.id != facts_.self && !should_vote(each.id) && !up(each.id)) {
        return without(each.id);
      }
    }
    return std::nullopt;
  }

  [[nodiscard]] maybe add() const {
    if (facts_.change_pending) {
      return std::nullopt;
    }
    for (const member& each : facts_.wanted.members.members) {
      const member* const present = find(facts_.members, each.id);
      if (present != nullptr && present->role == member_role::spare) {
        return with_role(each.id, member_role::standby);
      }
      if (present == nullptr && up(each.id)) {
        configuration next = facts_.members;
        next.members.push_back({each.id, member_role::standby});
        return change(std::move(next));
      }
    }
    return std::nullopt;
  }

  [[nodiscard]] maybe promote() const {
    const std::vector<node_id> ready = promotable();
    if (ready.empty() || facts_.change_pending) {
      return std::nullopt;
    }
    const bool leads_to_even = voters(facts_.members) % 2 == 1;
    const bool one_goes =
      std::any_of(facts_.members.members.begin(), facts_.members.members.end(),
                  [this](const member& each) { return each.role == member_role::voter && !should_vote(each.id); });
    if (leads_to_even && ready.size() < 2 && !one_goes) {
      return std::nullopt; // an even number bears no more losses than one fewer, and can stall more easily
    }
    const node_id who = ready.front();
    const catch_up_status status = peer(who)->catch_up;
    if (status == catch_up_status::finished) {
      return with_role(who, member_role::voter);
    }
    if (status == catch_up_status::running || !facts_.retry) {
      return std::nullopt;
    }
    return steward_step{step_kind::catch_up, {}, who};
  }

  /// Those that are not to be here, and voters that are not to vote.
  [[nodiscard]] maybe let_go() const {
    if (facts_.change_pending) {
      return std::nullopt;
    }
    for (const member& each : facts_.members.members) {
      if (each.role != member_role::voter && find(facts_.wanted.members, each.id) == nullptr) {
        return without(each.id);
      }
    }
    const bool all_vote =
      std::all_of(facts_.wanted.members.members.begin(), facts_.wanted.members.members.end(),
                  [this](const member& each) { return each.role != member_role::voter || is_voter(each.id); });
    if (!all_vote) {
      return std::nullopt;
    }
    for (const member& each : facts_.members.members) {
      if (each.role != member_role::voter || should_vote(each.id)) {
        continue;
      }
      if (each.id == facts_.self) {
        continue;
      }
      return find(facts_.wanted.members, each.id) == nullptr ? without(each.id)
                                                             : with_role(each.id, member_role::standby);
    }
    return should_vote(facts_.self) ? std::nullopt : leave();
  }

  /// This node leads and is not to vote: another one has to lead.
  [[nodiscard]] maybe leave() const {
    if (can_lead(facts_.wanted.leader)) {
      return steward_step{step_kind::transfer, {}, facts_.wanted.leader};
    }
    for (const member& each : facts_.wanted.members.members) {
      if (each.role == member_role::voter && can_lead(each.id)) {
        return steward_step{step_kind::transfer, {}, each.id};
      }
    }
    return std::nullopt;
  }

  [[nodiscard]] steward_step balance() const {
    const node_id to = facts_.wanted.leader;
    const bool calm = facts_.leading_ms >= limits::balance_calm_ms && facts_.quiet_ms >= limits::balance_calm_ms;
    if (to == facts_.self || !calm || !facts_.settled || !facts_.hand_over || !facts_.retry ||
        facts_.leaders_spread < 2 || !can_lead(to) || peer(to)->up_ms < limits::balance_calm_ms) {
      return {};
    }
    return {step_kind::transfer, {}, to};
  }

  const steward_facts& facts_;
};

} // namespace

steward_step next_step(const steward_facts& facts) { return decision(facts).make(); }

bool is_filling(const steward_facts& facts) { return decision(facts).filling(); }

} // namespace godwit::cluster
