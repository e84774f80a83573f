#include "cluster/shard/lane_receiver.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "cluster/shard/lane_rows.hpp"
#include "cluster/shard/shard_log.hpp"

namespace godwit::cluster {

using persistence::row;
using persistence::row_page;
using persistence::row_range;
using persistence::records::table;

// --- terms ----------------------------------------------------------------------------------------

void lane_receiver::begin(std::function<void()> known) {
  read_positions(lane_prefix(table::lane_inbox), std::move(known));
}

void lane_receiver::read_positions(std::string from, std::function<void()> known) {
  row_range range;
  range.from = std::move(from);
  range.to = persistence::prefix_end(lane_prefix(table::lane_inbox));
  range.rows_max = limits::lane_page_rows;
  port_.read_rows(std::move(range), [this, known = std::move(known)](const row_page& page) {
    for (const row& each : page.rows) {
      const auto done = read_inbox(each.key, each.value.view());
      if (!done) {
        throw std::logic_error("a row of a lane cannot be read");
      }
      lane& of = lane_of(done->lane);
      of.applied = of.accepted = of.tail = done->position;
    }
    if (page.more && !page.rows.empty()) {
      read_positions(page.rows.back().key + '\0', known);
    } else {
      known();
    }
  });
}

void lane_receiver::announce() {
  for (const auto& [from, each] : lanes_) {
    lane_message out;
    out.step = lane_step::ready;
    out.to = from;
    port_.send_lane(std::move(out));
  }
}

void lane_receiver::end() {
  for (const auto& [from, each] : lanes_) {
    counters_.lane_waiting.add(-static_cast<std::int64_t>(each.queue.size()));
  }
  lanes_.clear();
  trials_.clear();
  due_.clear();
  late_.clear();
  held_ = 0;
}

lane_receiver::lane& lane_receiver::lane_of(shard_id from) {
  lane& of = lanes_[from];
  of.from = from;
  return of;
}

// --- what the source says ---------------------------------------------------------------------------

/// False: of an older leader of the source.
bool lane_receiver::know(lane& of, const lane_message& what) {
  if (what.term < of.term) {
    return false;
  }
  of.stream = what.term > of.term ? what.stream : std::max(of.stream, what.stream);
  of.term = what.term;
  return true;
}

void lane_receiver::items(lane_message& what) {
  lane& of = lane_of(what.from);
  if (stopping_ || !know(of, what)) {
    return;
  }
  if (what.position > of.tail) {
    if (!of.overflown) {
      report(of, true); // something before these is missing
    }
    return;
  }
  std::size_t taken = 0;
  for (lane_item& each : what.items) {
    if (each.position <= of.tail) {
      continue;
    }
    if (of.queue.size() >= 2 * limits_.lane_window_items || of.bytes >= 2 * limits_.lane_window_bytes) {
      of.overflown = true; // the source is asked for these when there is room
      break;
    }
    of.tail = each.position;
    of.bytes += each.body.size();
    of.queue.push_back(std::move(each));
    ++taken;
  }
  if (taken == 0) {
    report(of, false);
    return;
  }
  counters_.lane_waiting.add(static_cast<std::int64_t>(taken));
  if (of.at == state::idle) {
    give(of);
  }
  start_ahead(of);
}

void lane_receiver::ask(const lane_message& what) {
  lane& of = lane_of(what.from);
  if (!stopping_ && know(of, what)) {
    report(of, true);
  }
}

void lane_receiver::report(lane& of, bool resume) {
  of.resume_due = of.resume_due || resume;
  if (!std::exchange(of.report_due, true)) {
    due_.push_back(&of);
    port_.want_flush();
  }
}

void lane_receiver::flush() {
  for (lane* const each : due_) {
    each->report_due = false;
    each->unreported = 0;
    lane_message out;
    out.step = lane_step::report;
    out.to = each->from;
    out.term = each->term;
    out.stream = each->stream;
    out.position = each->tail;
    out.applied = each->applied;
    out.resume = std::exchange(each->resume_due, false);
    port_.send_lane(std::move(out));
  }
  due_.clear();
}

void lane_receiver::report_late() {
  for (lane* const each : std::exchange(late_, {})) {
    each->late = false;
    if (each->unreported > 0) {
      report(*each, false);
    }
  }
}

// --- to the entities --------------------------------------------------------------------------------

void lane_receiver::give(lane& of) {
  of.at = state::idle;
  if (of.queue.empty() || stopping_) {
    return;
  }
  if (!of.first) {
    lane_item& next = of.queue.front();
    of.first = caf::make_counted<entity_request>();
    of.first->to = next.to;
    of.first->type = request_type::delivery;
    of.first->body = std::move(next.body);
    of.first->lane = of.from;
    of.first->position = next.position;
  }
  of.first->in_flight = 0;
  if (!trials_.empty() && !has_turn(of)) {
    of.at = state::queued;
    return;
  }
  of.at = state::given;
  switch (port_.hand_over(of.first)) {
  case lane_handover::taken: break;
  case lane_handover::later:
    of.at = state::held;
    of.again = port_.lane_loop().now() + limits_.lane_retry_ms;
    port_.want_tick(limits_.lane_retry_ms);
    ++held_;
    break;
  case lane_handover::impossible:
    ++of.faults;
    pause(of, true);
    end_turn(of);
    break;
  }
}

void lane_receiver::start_ahead(lane& of) {
  const std::size_t end = std::min(of.queue.size(), limits::lane_entities_ahead);
  for (of.started = std::max<std::size_t>(of.started, 1); of.started < end; ++of.started) {
    port_.start_early(of.queue[of.started].to);
  }
}

void lane_receiver::pause(lane& of, bool longer) {
  const std::uint64_t doubled = std::uint64_t{limits_.lane_retry_ms} << std::min(of.retries, 20U);
  const auto ms = static_cast<std::uint32_t>(std::min<std::uint64_t>(doubled, limits_.lane_retry_max_ms));
  of.retries += longer ? 1 : 0;
  of.at = state::paused;
  of.again = port_.lane_loop().now() + ms;
  counters_.lane_retries.add();
  port_.want_tick(ms);
}

void lane_receiver::entity_gone(const entity_ref& who, bool fault) {
  std::vector<lane*> had;
  for (auto& [from, each] : lanes_) {
    if (each.at == state::given && each.first->in_flight != 0 && each.first->to == who) {
      had.push_back(&each);
    }
  }
  for (lane* const each : had) {
    if (fault) {
      each->faults += had.size() == 1 ? 1 : 0; // of several nobody knows which one it was
      suspect(*each);
    }
    pause(*each, true);
  }
  for (lane* const each : had) {
    end_turn(*each);
  }
}

void lane_receiver::handed_back(const entity_request_ptr& delivery, lane_handover why) {
  const auto found = lanes_.find(delivery->lane);
  if (found == lanes_.end() || found->second.first != delivery || found->second.at != state::given) {
    return;
  }
  found->second.faults += why == lane_handover::impossible ? 1 : 0;
  pause(found->second, why == lane_handover::impossible);
  end_turn(found->second);
}

// --- one at a time ----------------------------------------------------------------------------------

/// Its entity failed while it had this delivery.
void lane_receiver::suspect(lane& of) {
  if (!std::exchange(of.suspect, true)) {
    ++trials_[of.first->to].suspects;
  }
}

/// Whether its delivery may go to its entity now; it has a place in the queue otherwise.
bool lane_receiver::has_turn(lane& of) {
  const auto found = trials_.find(of.first->to);
  if (found == trials_.end()) {
    return true;
  }
  std::deque<lane*>& turns = found->second.turns;
  const auto place = std::find(turns.begin(), turns.end(), &of);
  if (place == turns.end()) {
    turns.push_back(&of);
  }
  return turns.front() == &of;
}

/// Its delivery is not with its entity any more: the next one's turn.
void lane_receiver::end_turn(lane& of) {
  if (trials_.empty()) {
    return;
  }
  const auto found = trials_.find(of.first->to);
  if (found == trials_.end()) {
    return;
  }
  std::erase(found->second.turns, &of);
  if (found->second.suspects == 0) {
    const std::deque<lane*> turns = std::move(found->second.turns);
    trials_.erase(found);
    for (lane* const each : turns) {
      if (each->at == state::queued) {
        give(*each);
      }
    }
  } else if (!found->second.turns.empty() && found->second.turns.front()->at == state::queued) {
    give(*found->second.turns.front());
  }
}

/// Its delivery was taken, or put aside.
void lane_receiver::clear(lane& of) {
  if (std::exchange(of.suspect, false)) {
    --trials_.at(of.first->to).suspects;
  }
  end_turn(of);
}

void lane_receiver::refused(const lane_accept& done) {
  // The entity is about to end; what it was given is given again then.
  if (expects(done)) {
    ++lanes_.at(done.lane).faults;
  }
}

void lane_receiver::go_on() {
  if (held_ == 0) {
    return;
  }
  held_ = 0;
  for (auto& [from, each] : lanes_) {
    if (each.at == state::held) {
      give(each);
    }
  }
}

void lane_receiver::tick() {
  const monotonic_ms now = port_.lane_loop().now();
  for (auto& [from, each] : lanes_) {
    if (each.at != state::paused && each.at != state::held) {
      continue;
    }
    if (now < each.again) {
      port_.want_tick(static_cast<std::uint32_t>(each.again - now));
    } else if (each.faults >= limits_.delivery_attempts_max) {
      put_aside(each);
    } else {
      give(each);
    }
  }
}

/// No entity could take it: the lane goes on without it, and its row is there for an operator.
void lane_receiver::put_aside(lane& of) {
  if (stopping_) {
    return;
  }
  lane_item item;
  item.position = of.first->position;
  item.to = of.first->to;
  item.date = of.queue.front().date;
  item.body = of.first->body;
  const lane_accept done{of.from, item.position};
  std::string bytes;
  persistence::mutation_writer writer(bytes);
  put_refused(writer, of.from, item);
  put_inbox(writer, done);
  of.at = state::given;
  if (!port_.propose_rows(bytes, {{}, {done}})) {
    pause(of, false);
    return;
  }
  counters_.lane_put_aside.add();
  log::error(shard_log, "delivery_put_aside",
             {{"shard", port_.lane_shard()},
              {"lane", of.from},
              {"position", done.position},
              {"kind", static_cast<std::uint32_t>(item.to.kind)}});
}

// --- from the entities ------------------------------------------------------------------------------

bool lane_receiver::expects(const lane_accept& done) const {
  const auto found = lanes_.find(done.lane);
  return found != lanes_.end() && found->second.at == state::given && found->second.first &&
         found->second.first->position == done.position;
}

void lane_receiver::accepted(const lane_accept& done) {
  if (!expects(done)) {
    return; // twice in one mutation
  }
  lane& of = lanes_.at(done.lane);
  of.accepted = done.position;
  of.bytes -= of.first->body.size();
  of.at = state::idle;
  clear(of);
  of.first = nullptr;
  of.faults = 0;
  of.retries = 0;
  of.queue.pop_front();
  of.started -= std::min<std::size_t>(of.started, 1);
  counters_.lane_accepted.add();
  counters_.lane_waiting.add(-1);
  if (of.overflown && of.queue.size() < limits_.lane_window_items && of.bytes < limits_.lane_window_bytes) {
    of.overflown = false;
    report(of, true);
  }
  give(of);
  start_ahead(of);
}

void lane_receiver::applied(const lane_accept& done) {
  const auto found = lanes_.find(done.lane);
  if (found != lanes_.end() && done.position > found->second.applied) {
    lane& of = found->second;
    of.applied = done.position;
    // The source has room for more meanwhile: a quarter of its window is not missed.
    if (++of.unreported >= std::min(limits::lane_report_items, limits_.lane_window_items / 4)) {
      report(of, false);
    } else if (!std::exchange(of.late, true)) {
      late_.push_back(&of);
      port_.want_report(limits::lane_report_ms);
    }
  }
}

} // namespace godwit::cluster
