#include "cluster/route/request_board.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <utility>
#include <vector>

#include "cluster/route/request_codec.hpp"

namespace godwit::cluster {

namespace {

void answer(const entity_request& request, entity_reply what) {
  if (request.reply_to) {
    what.token = request.token;
    caf::anon_send(request.reply_to, std::move(what));
  }
}

} // namespace

request_board::request_board(envelope_port& port, options with, hooks to, route_counters& counters)
    : port_(port),
      options_(with),
      hooks_(std::move(to)),
      counters_(counters),
      next_(std::max<std::uint64_t>(with.first_number, 1)),
      timer_([this] { time_out(); }) {}

void request_board::send(const entity_request_ptr& request, shard_id shard, const leadership& led, node_id via,
                         std::uint8_t hops, monotonic_ms due) {
  if (pending_.size() >= options_.pending_max) {
    refuse(request);
    return;
  }
  const std::uint64_t number = next_++;
  const std::uint64_t asker = request->reply_to ? request->reply_to.id() : 0;
  const bool listens = request->listens && request->reply_to;
  // First, for what it says may be a part of what comes back before this call ends.
  if (listens && !hooks_.listens(number, *request, shard, led, via)) {
    refuse(request);
    return;
  }
  counters_.sent.add();
  const bool sent = port_.send(via, envelope_kind::request, [&](std::string& out) {
    encode_request(out, *request, number, asker, hops, via != led.node);
  });
  if (!sent) {
    if (listens) {
      hooks_.listens_not(number);
    }
    refuse(request);
    return;
  }
  if (!request->reply_to) {
    return; // nobody waits
  }
  const monotonic_ms until = due != 0 ? due : port_.loop().now() + options_.timeout_ms;
  pending_[number] = {request, shard, via, hops, until};
  by_time_.emplace_back(until, number);
  counters_.pending.set(static_cast<std::int64_t>(pending_.size()));
  arm();
}

void request_board::refuse(const entity_request_ptr& request) {
  counters_.unavailable.add();
  entity_reply none;
  none.status = reply_status::unavailable;
  answer(*request, std::move(none));
}

request_board::pending request_board::take(std::unordered_map<std::uint64_t, pending>::iterator which) {
  pending out = std::move(which->second);
  pending_.erase(which);
  counters_.pending.set(static_cast<std::int64_t>(pending_.size()));
  while (!by_time_.empty() && !pending_.contains(by_time_.front().second)) {
    by_time_.pop_front();
  }
  return out;
}

void request_board::replied(node_id from, entity_reply what) {
  const auto found = pending_.find(what.token);
  if (found == pending_.end() || found->second.to != from) {
    return; // it took too long, or was never ours
  }
  const std::uint64_t number = what.token;
  const pending done = take(found);
  counters_.answered.add();
  if (done.request->listens && what.status != reply_status::ok) {
    hooks_.listens_not(number);
  }
  if (what.status == reply_status::moved) {
    counters_.moved.add();
    hooks_.moved(done.request, done.shard, from, {what.leader, what.term}, done.hops, done.due);
    return;
  }
  answer(*done.request, std::move(what));
}

void request_board::give_up(std::uint64_t number) {
  const auto found = pending_.find(number);
  if (found == pending_.end()) {
    return;
  }
  const pending done = take(found);
  if (done.request->listens) {
    hooks_.listens_not(number);
  }
  refuse(done.request);
}

void request_board::link_down(node_id which) {
  std::vector<std::uint64_t> lost;
  for (const auto& [number, each] : pending_) {
    if (each.to == which) {
      lost.push_back(number);
    }
  }
  std::sort(lost.begin(), lost.end()); // in the order in which they were asked
  for (const std::uint64_t each : lost) {
    give_up(each);
  }
}

void request_board::end_all() {
  port_.loop().disarm(timer_);
  std::vector<std::uint64_t> all;
  for (const auto& [number, each] : pending_) {
    all.push_back(number);
  }
  std::sort(all.begin(), all.end());
  for (const std::uint64_t each : all) {
    give_up(each);
  }
}

void request_board::time_out() {
  const monotonic_ms now = port_.loop().now();
  // One that was sent on keeps its time and may stand behind later ones; it is found when those are due.
  while (!by_time_.empty() && by_time_.front().first <= now) {
    const std::uint64_t number = by_time_.front().second;
    by_time_.pop_front();
    give_up(number);
  }
  arm();
}

void request_board::arm() {
  if (!timer_.armed() && !by_time_.empty()) {
    port_.loop().arm(timer_, by_time_.front().first);
  }
}

} // namespace godwit::cluster
