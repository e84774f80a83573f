#include "cluster/route/subscriptions.hpp"

#include <caf/send.hpp>

#include <tuple>
#include <utility>

namespace godwit::cluster {

bool subscriptions::begin(std::uint64_t number, const entity_request& request, shard_id shard, const leadership& led,
                          node_id via) {
  const caf::actor_id asker = request.reply_to.id();
  const auto before = by_place_.find({asker, request.to});
  if (before != by_place_.end()) {
    if (request.token < all_.at(before->second).token) {
      return false; // it lay somewhere, and comes back because another node leads
    }
    // The same node puts the new one in its place by itself.
    const std::uint64_t old = before->second;
    erase(old, all_.at(old).via != via);
  }
  all_[number] = {request.reply_to, request.token, request.to, shard, led, via};
  by_place_[{asker, request.to}] = number;
  by_shard_[shard].insert(number);
  std::set<std::uint64_t>& of_asker = by_asker_[asker];
  if (of_asker.empty()) {
    hooks_.watch(request.reply_to);
  }
  of_asker.insert(number);
  counters_.listening.set(static_cast<std::int64_t>(all_.size()));
  return true;
}

void subscriptions::erase(std::uint64_t number, bool node_hears) {
  const auto found = all_.find(number);
  if (found == all_.end()) {
    return;
  }
  const subscription gone = std::move(found->second);
  all_.erase(found);
  const caf::actor_id asker = gone.asker.id();
  by_place_.erase({asker, gone.entity});
  const auto of_shard = by_shard_.find(gone.shard);
  of_shard->second.erase(number);
  if (of_shard->second.empty()) {
    by_shard_.erase(of_shard);
  }
  const auto of_asker = by_asker_.find(asker);
  of_asker->second.erase(number);
  if (of_asker->second.empty()) {
    by_asker_.erase(of_asker);
    hooks_.unwatch(gone.asker);
  }
  counters_.listening.set(static_cast<std::int64_t>(all_.size()));
  if (node_hears) {
    hooks_.tell_gone(gone.via, {number, asker, gone.entity});
  }
}

void subscriptions::end(std::uint64_t number) { erase(number, true); }

void subscriptions::push(node_id from, entity_push what) {
  const auto found = all_.find(what.subscription);
  if (found == all_.end() || found->second.via != from) {
    return; // ended meanwhile
  }
  counters_.pushes_received.add();
  const std::uint64_t number = what.subscription;
  what.from = found->second.entity;
  what.subscription = found->second.token;
  const bool last = what.kind == push_kind::gone;
  caf::anon_send(found->second.asker, std::move(what));
  if (last) {
    erase(number, false);
  }
}

node_id subscriptions::way(const entity_request& of, const leadership& led) const {
  const auto found = of.reply_to ? by_place_.find({of.reply_to.id(), of.to}) : by_place_.end();
  if (found == by_place_.end()) {
    return persistence::no_node;
  }
  const subscription& held = all_.at(found->second);
  return held.led == led ? held.via : persistence::no_node;
}

void subscriptions::lose(const std::set<std::uint64_t>& which, bool node_hears) {
  for (const std::uint64_t number : which) {
    const auto found = all_.find(number);
    if (found == all_.end()) {
      continue;
    }
    entity_push gone;
    gone.from = found->second.entity;
    gone.kind = push_kind::gone;
    gone.subscription = found->second.token;
    caf::anon_send(found->second.asker, std::move(gone));
    counters_.gone.add();
    erase(number, node_hears);
  }
}

void subscriptions::link_down(node_id which) {
  std::set<std::uint64_t> lost;
  for (const auto& [number, each] : all_) {
    if (each.via == which) {
      lost.insert(number);
    }
  }
  lose(lost, false);
}

void subscriptions::leader_known(shard_id shard, const leadership& now) {
  const auto found = by_shard_.find(shard);
  if (found == by_shard_.end()) {
    return;
  }
  std::set<std::uint64_t> lost;
  for (const std::uint64_t number : found->second) {
    const leadership& led = all_.at(number).led;
    const bool same = now.node == persistence::no_node ? now.term == led.term : now == led;
    if (!same && now.term >= led.term) {
      lost.insert(number);
    }
  }
  lose(lost, true);
}

void subscriptions::asker_gone(caf::actor_id which) {
  const auto found = by_asker_.find(which);
  if (found == by_asker_.end()) {
    return;
  }
  for (const std::uint64_t number : std::set(found->second)) {
    erase(number, true);
  }
}

void subscriptions::end_all() {
  std::set<std::uint64_t> all;
  for (const auto& [number, each] : all_) {
    all.insert(number);
  }
  lose(all, false);
}

} // namespace godwit::cluster
