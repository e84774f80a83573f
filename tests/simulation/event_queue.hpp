#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace godwit::simulation {

/// Microseconds of virtual time.
using time_us = std::uint64_t;

inline constexpr time_us ms = 1000;

enum class event_kind : std::uint8_t {
  // on a node's loop: they wait while the node is frozen
  message, ///< arrives; argument: slot in the network
  inbox,   ///< what a thread of the node posted to its loop
  timer,
  round,
  fetch, ///< next piece of a snapshot; argument: number of the fetch
  // on a node's other threads
  log_transaction, ///< is done
  state_task,      ///< is done
  reader,          ///< a job of a reader thread begins
  // outside of the nodes
  restart,
  client,
  members, ///< the operator looks at the configuration
  fault,
  end_of_faults,
  convergence, ///< is looked at
};

constexpr bool on_loop(event_kind kind) { return kind <= event_kind::fetch; }

struct event {
  time_us at = 0;
  std::uint64_t order = 0; ///< of equal times, the one that was planned first
  std::uint64_t argument = 0;
  std::uint32_t life = 0; ///< of the node; an event of an earlier life is void. 0: of any
  std::uint8_t node = 0;
  event_kind kind = event_kind::message;
};

/// What happens next. Order is total: time, then order of planning.
class event_queue {
public:
  void plan(time_us at, event_kind kind, std::uint8_t node, std::uint32_t life, std::uint64_t argument = 0) {
    heap_.push_back({at, ++planned_, argument, life, node, kind});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }

  [[nodiscard]] bool empty() const { return heap_.empty(); }

  event take() {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    const event first = heap_.back();
    heap_.pop_back();
    return first;
  }

private:
  static bool later(const event& a, const event& b) { return a.at != b.at ? a.at > b.at : a.order > b.order; }

  std::vector<event> heap_;
  std::uint64_t planned_ = 0;
};

} // namespace godwit::simulation
