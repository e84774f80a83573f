#include "cluster/base/loop_timer.hpp"

#include <utility>

namespace godwit::cluster {

loop_timer::~loop_timer() {
  if (queue_ != nullptr) {
    queue_->disarm(*this);
  }
}

timer_queue::~timer_queue() {
  for (loop_timer* const timer : heap_) {
    timer->queue_ = nullptr;
  }
}

void timer_queue::place(loop_timer* timer, std::size_t at) {
  heap_[at] = timer;
  timer->place_ = at;
}

void timer_queue::sift_up(std::size_t at) {
  loop_timer* const timer = heap_[at];
  while (at > 0 && timer->due_ < heap_[(at - 1) / 2]->due_) {
    place(heap_[(at - 1) / 2], at);
    at = (at - 1) / 2;
  }
  place(timer, at);
}

void timer_queue::sift_down(std::size_t at) {
  loop_timer* const timer = heap_[at];
  for (std::size_t child = 2 * at + 1; child < heap_.size(); child = 2 * at + 1) {
    if (child + 1 < heap_.size() && heap_[child + 1]->due_ < heap_[child]->due_) {
      ++child;
    }
    if (timer->due_ <= heap_[child]->due_) {
      break;
    }
    place(heap_[child], at);
    at = child;
  }
  place(timer, at);
}

void timer_queue::arm(loop_timer& timer, monotonic_ms due) {
  if (timer.queue_ == this) {
    const bool earlier = due < timer.due_;
    timer.due_ = due;
    earlier ? sift_up(timer.place_) : sift_down(timer.place_);
    return;
  }
  if (timer.queue_ != nullptr) {
    timer.queue_->disarm(timer);
  }
  timer.queue_ = this;
  timer.due_ = due;
  heap_.push_back(&timer);
  sift_up(heap_.size() - 1);
}

void timer_queue::disarm(loop_timer& timer) {
  if (timer.queue_ != this) {
    return;
  }
  timer.queue_ = nullptr;
  const std::size_t at = timer.place_;
  loop_timer* const last = heap_.back();
  heap_.pop_back();
  if (last != &timer) {
    place(last, at);
    sift_up(at);
    sift_down(last->place_);
  }
}

void timer_queue::ring(monotonic_ms now) {
  // What rings may arm again for this very time, and that must not keep the loop here.
  for (std::size_t left = heap_.size(); left > 0 && !heap_.empty() && heap_.front()->due_ <= now; --left) {
    loop_timer* const timer = heap_.front();
    disarm(*timer);
    timer->ring_();
  }
}

} // namespace godwit::cluster
