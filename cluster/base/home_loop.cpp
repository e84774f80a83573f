#include "cluster/base/home_loop.hpp"

#include <caf/actor_system.hpp>
#include <caf/resumable.hpp>
#include <caf/scheduled_actor.hpp>

#include <algorithm>
#include <utility>

#include "config/limits.hpp"

namespace godwit::cluster {
namespace {

using caf::resumable;

/// What the library's resume() does for an actor without streams, which none of ours has. Most turns are one message, and
/// for one message it walks its queues twice and asks the clock what streams are due.
resumable::resume_result turn(resumable& who, caf::execution_unit& on) {
  if (who.subtype() != resumable::scheduled_actor) {
    return who.resume(&on, limits::messages_per_turn);
  }
  auto& self = static_cast<caf::scheduled_actor&>(who);
  if (!self.activate(&on)) {
    return resumable::done;
  }
  std::size_t handled = 0;
  caf::scheduled_actor::mailbox_visitor visitor{&self, handled, limits::messages_per_turn};
  bool blocked = false;
  do {
    self.mailbox().new_round(limits::messages_per_turn, visitor);
    if (self.finalize()) {
      return resumable::done;
    }
    blocked = self.mailbox().try_block();
  } while (!blocked && handled < limits::messages_per_turn);
  if (handled > 0) {
    self.set_receive_timeout();
  }
  return blocked ? resumable::awaiting_message : resumable::resume_later;
}

} // namespace

home_loop::home_loop(caf::actor_system& system) : caf::execution_unit(&system) {}

home_loop::~home_loop() {
  // Actors that never got their turn again: give the references back that came with them.
  for (auto* const queue : {&ready_, &running_, &posted_actors_, &taken_actors_}) {
    for (caf::resumable* const actor : *queue) {
      caf::intrusive_ptr_release(actor);
    }
  }
}

void home_loop::attach() { thread_.store(std::this_thread::get_id(), std::memory_order_relaxed); }

void home_loop::exec_later(caf::resumable* ptr) {
  if (on_loop()) {
    ready_.push_back(ptr);
    return;
  }
  bool sleeping = false;
  {
    const std::lock_guard lock(mutex_);
    posted_actors_.push_back(ptr);
    sleeping = std::exchange(sleeping_, false);
  }
  if (sleeping) {
    counters_.wake_ups.fetch_add(1, std::memory_order_relaxed);
    wake();
  }
}

void home_loop::post(std::function<void()> job) {
  bool sleeping = false;
  {
    const std::lock_guard lock(mutex_);
    posted_jobs_.push_back(std::move(job));
    sleeping = std::exchange(sleeping_, false);
  }
  if (sleeping) {
    counters_.wake_ups.fetch_add(1, std::memory_order_relaxed);
    wake();
  }
}

bool home_loop::prepare_sleep() {
  const std::lock_guard lock(mutex_);
  sleeping_ = posted_actors_.empty() && posted_jobs_.empty();
  return sleeping_;
}

void home_loop::defer(round_phase phase, round_task& task) {
  if (!task.queued_) {
    task.queued_ = true;
    deferred_[static_cast<std::size_t>(phase)].push_back(&task);
  }
}

void home_loop::forget(round_task& task) {
  if (!task.queued_) {
    return;
  }
  task.queued_ = false;
  for (auto& queue : deferred_) {
    std::erase(queue, &task);
  }
  std::replace(deferred_now_.begin(), deferred_now_.end(), &task, static_cast<round_task*>(nullptr));
}

void home_loop::take_posted() {
  {
    const std::lock_guard lock(mutex_);
    sleeping_ = false;
    taken_actors_.swap(posted_actors_);
    taken_jobs_.swap(posted_jobs_);
  }
  ready_.insert(ready_.end(), taken_actors_.begin(), taken_actors_.end());
  taken_actors_.clear();
  for (std::function<void()>& job : taken_jobs_) {
    job();
  }
  taken_jobs_.clear();
}

void home_loop::run_actors() {
  // Bounded, so that actors which keep each other busy do not keep the sockets waiting.
  for (int pass = 0; pass < limits::actor_passes_per_round && !ready_.empty(); ++pass) {
    running_.swap(ready_);
    for (caf::resumable* const actor : running_) {
      counters_.resumes.fetch_add(1, std::memory_order_relaxed);
      switch (turn(*actor, *this)) {
      case caf::resumable::resume_later: ready_.push_back(actor); break;
      case caf::resumable::shutdown_execution_unit: break;
      default: caf::intrusive_ptr_release(actor);
      }
    }
    running_.clear();
  }
}

void home_loop::run_deferred(round_phase phase) {
  auto& queue = deferred_[static_cast<std::size_t>(phase)];
  deferred_now_.swap(queue);
  // By index: a task may take out one that comes after it.
  for (std::size_t i = 0; i < deferred_now_.size(); ++i) {
    if (round_task* const task = std::exchange(deferred_now_[i], nullptr)) {
      task->queued_ = false;
      task->run_deferred();
    }
  }
  deferred_now_.clear();
}

bool home_loop::run_round(monotonic_ms now, unix_ms wall) {
  now_ = std::max(now_, now);
  wall_ = wall;
  counters_.rounds.fetch_add(1, std::memory_order_relaxed);
  take_posted();
  read_inputs();
  timers_.ring(now_);
  run_actors();
  run_deferred(round_phase::shards);
  run_actors();
  run_deferred(round_phase::output);
  run_deferred(round_phase::send);
  return !ready_.empty() || std::any_of(deferred_.begin(), deferred_.end(), [](const auto& q) { return !q.empty(); });
}

} // namespace godwit::cluster
