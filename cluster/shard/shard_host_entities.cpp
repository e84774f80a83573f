// Entities: when they start and how they end.

#include "cluster/shard/shard_host.hpp"

#include <caf/exit_reason.hpp>
#include <caf/sec.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <utility>

#include "cluster/shard/messages.hpp"
#include "cluster/shard/shard_log.hpp"

namespace godwit::cluster {

/// `impossible`, when asked for, is set when waiting will not help; and the budget of restarts is not asked then, for
/// deliveries have one of their own.
shard_host::slot* shard_host::start(const entity_ref& who, bool* impossible) {
  static log::site unknown_kind{};
  const auto factory = setup_.factories->find(who.kind);
  if (factory == setup_.factories->end()) {
    log::warning(unknown_kind, shard_log, "unknown_kind", {{"kind", static_cast<std::uint32_t>(who.kind)}});
    if (impossible != nullptr) {
      *impossible = true;
    }
    return nullptr;
  }
  if ((impossible == nullptr && budget_.refused(who, home().now())) || !make_room()) {
    counters_.refused.add();
    return nullptr;
  }
  caf::actor started;
  try {
    started = factory->second(home().system(), home(), *this, who);
  } catch (const std::exception&) {
    log::error(shard_log, "entity_not_started",
               {{"shard", setup_.shard}, {"kind", static_cast<std::uint32_t>(who.kind)}});
    budget_.failed(who, home().now());
    if (impossible != nullptr) {
      *impossible = true;
    }
    return nullptr;
  }
  slot& of = slots_[who];
  of.who = who;
  of.actor = std::move(started);
  of.place = idle_.insert(idle_.end(), &of);
  of.used = home().now();
  alive_[of.actor.id()] = &of;
  monitor(of.actor);
  counters_.entities_started.add();
  counters_.entities_of(who.kind).add(1);
  if (!idle_timer_.armed()) {
    home().arm(idle_timer_, home().now() + setup_.limits.entity_idle_ms);
  }
  return &of;
}

/// False: there are too many entities, and none of them has ended yet.
bool shard_host::make_room() {
  const std::size_t bound = setup_.limits.entities_max;
  if (slots_.size() < bound) {
    return true;
  }
  // Two for each that starts, so that the number falls below the bound again.
  for (int i = 0; i < 2 && !idle_.empty(); ++i) {
    rest(*idle_.front());
  }
  return slots_.size() < bound + std::max<std::size_t>(bound / 8, 1);
}

void shard_host::rest(slot& of) {
  of.at = phase::resting;
  idle_.erase(of.place);
  caf::anon_send(of.actor, entity_rest{caf::actor_cast<caf::actor>(this)});
}

void shard_host::rest_idle() {
  const monotonic_ms now = home().now();
  while (!idle_.empty() && idle_.front()->used + setup_.limits.entity_idle_ms <= now) {
    rest(*idle_.front());
  }
  if (!idle_.empty()) {
    home().arm(idle_timer_, idle_.front()->used + setup_.limits.entity_idle_ms);
  }
}

void shard_host::stays(const entity_ref& who) {
  const auto found = slots_.find(who);
  if (found == slots_.end() || found->second.at != phase::resting) {
    return;
  }
  slot& of = found->second;
  of.at = phase::running;
  of.used = home().now();
  of.place = idle_.insert(idle_.end(), &of);
  if (!idle_timer_.armed()) {
    home().arm(idle_timer_, home().now() + setup_.limits.entity_idle_ms);
  }
  for (const entity_request_ptr& each : std::exchange(of.pending, {})) {
    forward(each);
  }
}

/// Its term is over, or a proposal of it was lost.
void shard_host::leave(slot& of) {
  if (of.at == phase::running) {
    idle_.erase(of.place);
  }
  if (of.actor) {
    of.at = phase::leaving;
    caf::anon_send_exit(of.actor, caf::exit_reason::user_shutdown);
  }
}

void shard_host::down(const caf::down_msg& message) {
  const auto found = alive_.find(message.source.id());
  if (found == alive_.end()) {
    return;
  }
  slot& of = *found->second;
  alive_.erase(found);
  counters_.entities_of(of.who.kind).add(-1);
  const bool failed = of.at != phase::leaving && message.reason;
  const bool in_order = of.at == phase::resting && !failed && !of.lost;
  if (of.at == phase::running) {
    idle_.erase(of.place);
  }
  if (of.at == phase::resting && !failed) {
    counters_.entities_rested.add();
  } else if (failed) {
    counters_.entities_failed.add();
    const bool spent = budget_.failed(of.who, home().now());
    log::warning(shard_log, "entity_failed",
                 {{"shard", setup_.shard}, {"kind", static_cast<std::uint32_t>(of.who.kind)}, {"refused", spent}});
  }
  of.actor = nullptr;
  of.at = phase::ended;
  drop_kept(of);
  // It will not answer what it had, nor is what came behind that to be handled before it. One that went to rest had
  // nothing, and what came since goes to its successor; what came since the end of its term waits for the next one.
  const std::vector<entity_request_ptr> behind =
    in_order ? std::vector<entity_request_ptr>{} : std::exchange(of.pending, {});
  refuse_all(in_order || term_ == 0 ? ledger_.take_forwarded(of.who) : ledger_.take_to(of.who));
  receiver_.entity_gone(of.who, failed && message.reason == caf::sec::runtime_error);
  for (const entity_request_ptr& each : behind) {
    if (each->type == request_type::delivery) {
      receiver_.handed_back(each, lane_handover::later);
    }
  }
  if (of.proposals == 0) {
    remove(of);
  }
  begin_term();
  if (stopping_) {
    continue_stop();
  }
}

void shard_host::remove(slot& of) {
  const std::vector<entity_request_ptr> pending = std::move(of.pending);
  slots_.erase(entity_ref{of.who}); // a copy: the key is in what is erased
  for (const entity_request_ptr& each : pending) {
    forward(each);
  }
}

} // namespace godwit::cluster
