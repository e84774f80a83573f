#include "actors/box/operation_queue.hpp"

#include <utility>

#include "config/limits.hpp"

namespace godwit::box {
namespace {

/// What the effects will write, about.
std::size_t bytes_of(const entity_effects& out) {
  std::size_t bytes = 0;
  for (const auto& each : out.rows) {
    bytes += each.sub_key.size() + (each.value ? each.value->size() : 0);
  }
  for (const auto& each : out.deliveries) {
    bytes += each.body.size();
  }
  return bytes;
}

} // namespace

bool operation_queue::run(unix_time now, entity_effects& out, continuation begin) {
  if (waiting_.size() >= limits::box_operations_max) {
    return false;
  }
  waiting_.push_back(std::move(begin));
  go_on(now, out);
  return true;
}

void operation_queue::run_always(unix_time now, entity_effects& out, continuation begin) {
  arriving_.push_back(std::move(begin));
  go_on(now, out);
}

void operation_queue::done(unix_time now, entity_effects& out) {
  running_ = false;
  go_on(now, out);
}

continuation operation_queue::take_next() {
  const bool arrives =
    !arriving_.empty() && (waiting_.empty() || arrived_in_a_row_ < limits::box_arrivals_in_a_row_max);
  arrived_in_a_row_ = arrives ? arrived_in_a_row_ + 1 : 0;
  std::deque<continuation>& from = arrives ? arriving_ : waiting_;
  continuation next = std::move(from.front());
  from.pop_front();
  return next;
}

/// Operations that end at once follow each other in a loop here, not each inside the one before.
void operation_queue::go_on(unix_time now, entity_effects& out) {
  if (going_) {
    return;
  }
  going_ = true;
  while (!running_ && !paused_ && !(waiting_.empty() && arriving_.empty())) {
    // Effects are one mutation, and a mutation has a bound that what waited here together may exceed.
    if (bytes_of(out) > limits::box_mutation_bytes) {
      paused_ = true;
      out.queries.push_back({[](entity::row_reader&) {},
                             [this](unix_time later, entity_effects& more) {
                               paused_ = false;
                               go_on(later, more);
                             }});
      break;
    }
    const continuation next = take_next();
    running_ = true;
    ++number_;
    next(now, out);
  }
  going_ = false;
}

} // namespace godwit::box
