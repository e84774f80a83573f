#include "cluster/shard/shard_host.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <utility>

#include "cluster/shard/messages.hpp"
#include "cluster/shard/router.hpp"
#include "cluster/shard/shard_log.hpp"
#include "persistence/base/mutant.hpp"

namespace godwit::cluster {

using persistence::mutant;
using persistence::mutated;

shard_host::shard_host(caf::actor_config& config, home_loop& home_of, replica_port& replica, setup with)
    : pinned_actor(config, home_of),
      replica_(replica),
      setup_(std::move(with)),
      counters_(*setup_.counters),
      ledger_(setup_.limits.request_timeout_ms),
      timeout_([this] { time_out(); }),
      budget_(
        {setup_.limits.entity_restarts_max, setup_.limits.entity_restart_window_ms, setup_.limits.entity_refusal_ms}),
      idle_timer_([this] { rest_idle(); }),
      sender_(*this, setup_.limits, counters_),
      receiver_(*this, setup_.limits, counters_),
      lane_timer_([this] { tick_lanes(); }),
      report_timer_([this] { receiver_.report_late(); }),
      read_timer_([this] { read_again(); }),
      drain_timer_([this] {
        end_term();
        caf::anon_send(caf::actor_cast<caf::actor>(this), shard_stop_step{});
      }) {}

shard_host::~shard_host() = default;

caf::behavior shard_host::make_behavior() {
  set_default_handler(caf::drop);
  set_down_handler([this](const caf::down_msg& message) { down(message); });
  set_exception_handler([this](std::exception_ptr&) -> caf::error {
    log::error(shard_log, "host_threw", {{"shard", setup_.shard}});
    return caf::make_error(caf::sec::runtime_error);
  });
  replica_.listen(this);
  ready_term_changed(replica_.ready_term());
  return {
    [this](const entity_request_ptr& request) { take(request); },
    [this](lane_message& what) { take_lane(what); },
    [this](lane_page& loaded) { take_page(loaded); },
    [this](const entity_stays& entity) { stays(entity.who); },
    [this](const shard_leader_known&) { leader_known(); },
    [this](const shard_stop&) { begin_stop(); },
    [this](const shard_stop_step&) { continue_stop(); },
  };
}

void shard_host::on_exit() {
  // On the loop, unlike the destructor: timers leave their queue here.
  home().disarm(timeout_);
  home().disarm(idle_timer_);
  home().disarm(drain_timer_);
  end_term();
  home().disarm(lane_timer_);
  home().disarm(report_timer_);
  home().disarm(read_timer_);
  home().forget(*this);
  home().forget(barrier_round_);
  replica_.listen(nullptr);
  if (const auto ended = std::exchange(setup_.ended, nullptr)) {
    ended(drained_);
  }
}

unix_time shard_host::date() {
  last_date_ = std::max(last_date_, home().date());
  return last_date_;
}

// --- requests -------------------------------------------------------------------------------------

void shard_host::take(const entity_request_ptr& request) {
  counters_.requests.add();
  const leadership other = elsewhere();
  if (other.node != persistence::no_node) {
    pass_on(request, other);
    return;
  }
  const bool lanes_full = request->type == request_type::call && sender_.depth() > setup_.limits.lane_depth_max;
  const bool never = term_ == 0 && replica_.resigned();
  if (stopping_ || never || lanes_full || ledger_.size() >= setup_.limits.requests_in_flight_max) {
    counters_.refused.add();
    refuse(request);
    return;
  }
  ledger_.begin(request, home().now());
  follow_ledger();
  if (term_ == 0 || !kept_.empty() || !waiting_.empty()) {
    waiting_.push_back(request);
    counters_.requests_waiting.add(1);
  } else {
    forward(request);
  }
}

void shard_host::forward(const entity_request_ptr& request) {
  if (request->type == request_type::delivery) {
    forward_delivery(request);
    return;
  }
  if (!ledger_.holds(*request)) {
    return; // answered while it waited
  }
  const auto found = slots_.find(request->to);
  slot* const to = found != slots_.end() ? &found->second : start(request->to);
  if (to == nullptr) {
    ledger_.end(*request);
    follow_ledger();
    refuse(request);
  } else if (to->at != phase::running) {
    to->pending.push_back(request);
  } else {
    to->used = home().now();
    idle_.splice(idle_.end(), idle_, to->place);
    ledger_.forwarded(*request);
    caf::anon_send(to->actor, request);
  }
}

/// Deliveries first, and not all requests at once: what they propose may fill the replica again, and then lanes would
/// wait behind every one of them.
void shard_host::forward_waiting() {
  if (term_ != 0 && kept_.empty()) {
    receiver_.go_on();
  }
  std::size_t left = limits::shard_forwarded_at_once;
  for (; left > 0 && term_ != 0 && kept_.empty() && !waiting_.empty(); --left) {
    const entity_request_ptr next = std::move(waiting_.front());
    waiting_.pop_front();
    counters_.requests_waiting.add(-1);
    if (next->unwanted() && ledger_.end(*next)) {
      refuse(next);
    } else {
      forward(next);
    }
  }
  follow_ledger();
  if (term_ != 0 && kept_.empty() && !waiting_.empty()) {
    more_waiting_ = true;
    home().defer(round_phase::output, *this);
  }
}

void shard_host::run_deferred() {
  if (std::exchange(more_waiting_, false)) {
    forward_waiting();
  }
  receiver_.flush();
}

void shard_host::answer(const entity_request_ptr& request, entity_reply what) {
  if (request->type == request_type::delivery) {
    receiver_.handed_back(request, lane_handover::later); // it did not come to be handled
    return;
  }
  if (!ledger_.end(*request)) {
    return;
  }
  follow_ledger();
  (what.status == reply_status::unavailable ? counters_.unavailable : counters_.replies).add();
  what.term = term_;
  shard_context::answer(request, std::move(what));
}

// --- while another node leads -------------------------------------------------------------------------

/// no_node: this one leads, or nobody is known to.
leadership shard_host::elsewhere() const {
  if (setup_.board == nullptr || replica_term_ != 0 || stopping_) {
    return {};
  }
  const leadership known = setup_.board->find(setup_.shard);
  return known.node == setup_.self ? leadership{} : known;
}

/// It is not in the ledger.
void shard_host::pass_on(const entity_request_ptr& request, const leadership& to) {
  counters_.passed_on.add();
  if (request->origin == persistence::no_node) {
    setup_.router->send(request);
    return;
  }
  entity_reply moved;
  moved.status = reply_status::moved;
  moved.leader = to.node;
  moved.term = to.term;
  shard_context::answer(request, std::move(moved));
}

void shard_host::leader_known() {
  const leadership other = elsewhere();
  if (other.node == persistence::no_node) {
    return;
  }
  counters_.requests_waiting.add(-static_cast<std::int64_t>(waiting_.size()));
  for (const entity_request_ptr& each : std::exchange(waiting_, {})) {
    if (ledger_.end(*each)) {
      each->unwanted() ? refuse(each) : pass_on(each, other);
    }
  }
  follow_ledger();
}

// --- ends of requests ---------------------------------------------------------------------------------

void shard_host::refuse(const entity_request_ptr& request) {
  entity_reply none;
  none.status = reply_status::unavailable;
  counters_.unavailable.add();
  shard_context::answer(request, std::move(none));
}

void shard_host::refuse_all(const std::vector<entity_request_ptr>& requests) {
  follow_ledger();
  for (const entity_request_ptr& each : requests) {
    refuse(each);
  }
}

void shard_host::time_out() {
  const std::vector<entity_request_ptr> late = ledger_.take_due(home().now());
  counters_.timed_out.add(late.size());
  refuse_all(late);
  // What waits is the newest of the shard, so that the late ones of it are at its front.
  while (!waiting_.empty() && !ledger_.holds(*waiting_.front())) {
    waiting_.pop_front();
    counters_.requests_waiting.add(-1);
  }
}

/// After every change of the ledger.
void shard_host::follow_ledger() {
  counters_.requests_open.add(static_cast<std::int64_t>(ledger_.size()) - open_told_);
  open_told_ = static_cast<std::int64_t>(ledger_.size());
  if (!timeout_.armed() && !ledger_.empty()) {
    home().arm(timeout_, ledger_.due());
  }
  if (stopping_ && ledger_.empty()) {
    caf::anon_send(caf::actor_cast<caf::actor>(this), shard_stop_step{});
  }
}

// --- terms ----------------------------------------------------------------------------------------

void shard_host::ready_term_changed(term_t ready) {
  if (ready == replica_term_) {
    return;
  }
  replica_term_ = ready;
  end_term();
  begin_term();
  leader_known(); // it may have been heard of while this replica still led
}

void shard_host::begin_term() {
  const bool empty = alive_.empty() || mutated(mutant::no_entity_fence);
  if (lane_term_ != 0 || replica_term_ == 0 || stopping_ || !empty) {
    return;
  }
  if (replica_term_ == ended_term_ && !proposals_.empty()) {
    return; // begun anew: what was proposed before has to end first
  }
  lane_term_ = replica_term_;
  read_lanes();
}

void shard_host::read_lanes() {
  receiver_.begin([this] { sender_.begin([this] { open_term(); }); });
}

void shard_host::open_term() {
  term_ = lane_term_;
  counters_.shards_ready.add(setup_.shard == meta_shard ? 0 : 1);
  counters_.terms.add();
  if (setup_.ready) {
    setup_.ready(term_);
  }
  receiver_.announce();
  sender_.ask_all();
  forward_waiting();
}

void shard_host::end_term() {
  reads_.clear();
  open_out_.clear();
  open_in_.clear();
  sender_.end();
  receiver_.end();
  lanes_broken_ = false;
  lane_term_ = 0;
  if (term_ == 0) {
    return;
  }
  ended_term_ = std::exchange(term_, 0);
  counters_.shards_ready.add(setup_.shard == meta_shard ? 0 : -1);
  for (proposal& each : proposals_) {
    each.from = nullptr; // its end, if it comes, concerns nobody
    each.barrier = false;
  }
  counters_.proposals_kept_bytes.add(-static_cast<std::int64_t>(kept_bytes_));
  kept_.clear();
  kept_bytes_ = 0;
  settled_.clear();
  barriers_.clear();
  barrier_round_.open = false;
  counters_.requests_waiting.add(-static_cast<std::int64_t>(waiting_.size()));
  waiting_.clear();
  refuse_all(ledger_.take_all());
  for (auto each = slots_.begin(); each != slots_.end();) {
    slot& of = each->second;
    of.pending.clear();
    of.proposals = 0;
    of.settled = false;
    if (!mutated(mutant::no_entity_fence)) {
      leave(of);
    }
    each = of.actor ? std::next(each) : slots_.erase(each);
  }
  if (setup_.ready) {
    setup_.ready(0);
  }
}

void shard_host::begin_stop() {
  if (std::exchange(stopping_, true)) {
    return;
  }
  receiver_.stop();
  home().arm(drain_timer_, home().now() + setup_.limits.drain_ms);
  counters_.requests_waiting.add(-static_cast<std::int64_t>(waiting_.size()));
  waiting_.clear();
  refuse_all(ledger_.take_waiting());
  continue_stop();
}

void shard_host::continue_stop() {
  if (!stopping_ || !ledger_.empty()) {
    return;
  }
  end_term();
  if (alive_.empty()) {
    drained_ = true;
    quit();
  }
}

} // namespace godwit::cluster
