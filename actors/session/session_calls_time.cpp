// Calls that wait: when they are made again, and when no longer.

#include <algorithm>
#include <vector>

#include "actors/session/session_calls.hpp"
#include "cluster/base/home_loop.hpp"
#include "cluster/shard/router.hpp"

namespace godwit::actors {

/// Calls that would be made again, of a client that is away: see entity_request::client_here.
void session_calls::fail_waiting() {
  std::vector<open_call> failed;
  for (auto each = running_.begin(); each != running_.end();) {
    if (each->second.again_at == 0) {
      ++each;
      continue;
    }
    failed.push_back(each->second.call);
    each = running_.erase(each);
    context_.services.probe.calls_running.add(-1);
  }
  for (const open_call& each : failed) {
    finish_call(context_, each, unexpected(rpc_error(rpc_errc::rpc_call_fail)));
  }
}

void session_calls::ask_those_due(cluster::monotonic_ms now) {
  holding_ = false;
  if (context_.links.empty()) {
    return fail_waiting();
  }
  calls_ahead ahead;
  for (auto& [token, call] : running_) {
    const cluster::entity_ref& to = call.request->to;
    if (call.again_at != 0) {
      const std::uint64_t way = context_.services.router.way_to(to);
      const cluster::monotonic_ms turn = ahead.turn(to, way);
      call.again_at = call.again_at == calls_ahead::held ? turn : std::max(call.again_at, turn);
      if (call.again_at <= now) {
        call.again_at = 0;
        call.way = way;
        context_.services.router.send(call.request);
      }
      holding_ = holding_ || call.again_at == calls_ahead::held;
    }
    ahead.pass(to, call.way, call.again_at);
  }
}

void session_calls::go_on() {
  if (holding_) {
    ask_those_due(context_.services.home.now());
  }
}

void session_calls::give_up_late(cluster::monotonic_ms now) {
  give_up_at_ = 0;
  std::vector<std::uint64_t> late;
  for (const auto& [token, each] : running_) {
    if (now >= each.give_up_at) {
      late.push_back(token);
    } else {
      give_up_at_ = give_up_at_ == 0 ? each.give_up_at : std::min(give_up_at_, each.give_up_at);
    }
  }
  for (const std::uint64_t token : late) {
    const open_call call = running_.at(token).call;
    end(token);
    finish_call(context_, call, unexpected(rpc_error(rpc_errc::rpc_call_fail)));
  }
}

void session_calls::tick() {
  const cluster::monotonic_ms now = context_.services.home.now();
  const bool flowed = flows_.running();
  flows_.tick();
  if (flowed && !flows_.running()) {
    flow_ended();
  }
  if (give_up_at_ != 0 && now >= give_up_at_) {
    give_up_late(now);
  }
  ask_those_due(now);
  std::vector<open_call> late;
  for (const waiting_call& each : waiting_) {
    if (now >= each.give_up_at) {
      late.push_back(each.call);
    }
  }
  std::erase_if(waiting_, [now](const waiting_call& each) { return now >= each.give_up_at; });
  for (const open_call& each : late) {
    finish_call(context_, each, unexpected(rpc_error(rpc_errc::rpc_call_fail)));
  }
  if (refresh_at_ != 0 && now >= refresh_at_) {
    refresh_at_ = 0;
    if (needs_key()) {
      refresh_key();
    }
  }
}

std::optional<cluster::monotonic_ms> session_calls::due() const {
  std::optional<cluster::monotonic_ms> first = flows_.due();
  const auto at = [&first](cluster::monotonic_ms time) {
    if (time != 0 && (!first || time < *first)) {
      first = time;
    }
  };
  for (const auto& [token, call] : running_) {
    if (call.again_at != calls_ahead::held) {
      at(call.again_at);
    }
  }
  at(give_up_at_);
  for (const waiting_call& each : waiting_) {
    at(each.give_up_at);
  }
  at(refresh_at_);
  return first;
}

} // namespace godwit::actors
