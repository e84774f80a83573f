#include "actors/people/presence_book.hpp"

#include <algorithm>

#include "config/limits.hpp"

namespace godwit::people {
namespace {

/// About when somebody said this.
unix_time said_at(const presence_state& what) {
  return what.online_until != 0 ? what.online_until - online_seconds : what.was_online;
}

} // namespace

void presence_book::set(user_id who, const state& now_is) {
  {
    const std::lock_guard lock(mutex_);
    put(who, now_is, {}, true);
  }
  if (relay_ != nullptr) {
    relay_->changed({who, now_is});
  }
}

void presence_book::learn(user_id who, const state& now_is) {
  const std::lock_guard lock(mutex_);
  const auto found = states_.find(who.value());
  if (found == states_.end()) {
    return put(who, now_is, {}, false);
  }
  // On a node that the other one lives on, or that was told of it, the book may know more than what was under way.
  if (said_at(now_is) >= said_at(found->second.what)) {
    put(who, now_is, found->second.from, found->second.here);
  }
}

void presence_book::heard(persistence::node_id from, const presence_change& what) {
  const std::lock_guard lock(mutex_);
  const auto found = states_.find(what.who.value());
  if (found == states_.end() || found->second.from == from || said_at(what.now_is) >= said_at(found->second.what)) {
    put(what.who, what.now_is, from, false);
  }
}

void presence_book::forget(persistence::node_id which, unix_time now) {
  const std::lock_guard lock(mutex_);
  gone_[which.value()] = {last_change_, now};
}

void presence_book::put(user_id who, const state& now_is, persistence::node_id from, bool here) {
  const auto found = states_.find(who.value());
  if (found != states_.end()) {
    entry& known = found->second;
    known.what = now_is;
    known.from = from;
    known.here = here;
    known.number = ++last_change_;
    order_.splice(order_.end(), order_, known.place);
    return;
  }
  if (states_.size() >= limits::presences_max) {
    states_.erase(order_.front().value());
    order_.pop_front();
  }
  const auto place = order_.insert(order_.end(), who);
  states_.emplace(who.value(), entry{now_is, place, from, here, ++last_change_});
}

presence_book::state presence_book::believed(const entry& which) const {
  state what = which.what;
  const auto left = which.from == persistence::node_id{} ? gone_.end() : gone_.find(which.from.value());
  if (left != gone_.end() && which.number <= left->second.number) {
    what.online_until = std::min(what.online_until, left->second.at + online_without_node_seconds);
  }
  return what;
}

presence_book::state presence_book::find(user_id who) const {
  const std::lock_guard lock(mutex_);
  const auto found = states_.find(who.value());
  return found == states_.end() ? state{} : believed(found->second);
}

std::vector<presence_change> presence_book::online_here(unix_time now) const {
  std::vector<presence_change> found;
  const std::lock_guard lock(mutex_);
  for (const auto& [who, each] : states_) {
    if (each.here && each.what.online_until > now) {
      found.push_back({user_id{who}, each.what});
    }
  }
  return found;
}

} // namespace godwit::people
