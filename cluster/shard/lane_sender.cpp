#include "cluster/shard/lane_sender.hpp"

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

// Rows that are put and erased between two flushes never reach the disk.
static_assert(2 * limits::lane_tick_ms <= limits::flush_interval_ms);

// --- terms ----------------------------------------------------------------------------------------

void lane_sender::begin(std::function<void()> known) {
  read_heads(persistence::prefix_end(lane_prefix(table::lane_outbox)), std::move(known));
}

/// The last row of each lane, from the highest shard down: one row per lane, however many it has.
void lane_sender::read_heads(std::string below, std::function<void()> known) {
  row_range range;
  range.from = lane_prefix(table::lane_outbox);
  range.to = std::move(below);
  range.rows_max = 1;
  range.reverse = true;
  port_.read_rows(std::move(range), [this, known = std::move(known)](const row_page& page) {
    if (page.rows.empty()) {
      known();
      return;
    }
    const auto place = lane_place_of(page.rows.front().key);
    if (!place) {
      throw std::logic_error("a row of a lane cannot be read");
    }
    lane& of = lane_of(place->lane);
    of.high = of.newest_row = place->position;
    of.next = place->position + 1;
    of.known = false;
    of.asking = true;
    of.behind = true;
    of.lowest_known = false;
    read_heads(lane_prefix(table::lane_outbox, place->lane), known);
  });
}

/// Not while it is read where the lanes stand: the answers would come before anybody takes them.
void lane_sender::ask_all() {
  for (auto& [to, each] : lanes_) {
    if (each.asking) {
      ask(each);
    }
  }
}

void lane_sender::end() {
  for (auto& [to, each] : lanes_) {
    counters_.lane_depth.add(-each.depth);
  }
  depth_ = 0;
  lanes_.clear();
  dirty_.clear();
  count_oldest();
}

lane_sender::lane& lane_sender::lane_of(shard_id to) {
  const auto [at, made] = lanes_.try_emplace(to);
  if (made) {
    at->second.to = to;
    at->second.erased = 1;
    at->second.stream = ++last_stream_;
    at->second.heard = port_.lane_loop().now();
  }
  return at->second;
}

lane_sender::lane* lane_sender::find(shard_id to) {
  const auto found = lanes_.find(to);
  return found == lanes_.end() ? nullptr : &found->second;
}

void lane_sender::touch(lane& of) {
  if (!std::exchange(of.dirty, true)) {
    dirty_.push_back(&of);
  }
}

// --- what is to be sent -----------------------------------------------------------------------------

std::uint64_t lane_sender::next_position(shard_id to) { return lane_of(to).next++; }

bool lane_sender::full(const lane& of) const {
  return of.queue.size() >= limits_.lane_queue_items || of.queue_bytes >= limits_.lane_queue_bytes;
}

void lane_sender::enqueue(lane& of, lane_item item) {
  of.tail = item.position;
  of.queue_bytes += item.body.size();
  of.queue.push_back(std::move(item));
}

void lane_sender::applied(lane_item item) {
  lane& of = lane_of(shard_of(item.to, port_.lane_shards()));
  of.high = std::max(of.high, item.position);
  of.newest_row = std::max(of.newest_row, item.position);
  touch(of);
  if (item.position <= of.tail) {
    return; // was read back already
  }
  if (of.reading) {
    of.joining_full = of.joining_full || of.joining.size() >= limits_.lane_queue_items;
    if (!of.joining_full) {
      of.joining.push_back(std::move(item));
    }
    return;
  }
  of.behind = of.behind || full(of);
  if (!of.behind) {
    enqueue(of, std::move(item));
  }
}

void lane_sender::flush() {
  for (lane* const each : dirty_) {
    each->dirty = false;
    send_some(*each);
    read_back(*each);
    count_depth(*each);
    if (each->depth > 0 || each->asking) {
      port_.want_tick(limits_.lane_tick_ms);
    }
  }
  dirty_.clear();
}

void lane_sender::send_some(lane& of) {
  if (of.asking || of.queue.empty()) {
    return;
  }
  lane_message out;
  out.position = of.sent;
  if (of.flights.empty()) {
    of.heard = port_.lane_loop().now();
  }
  while (!of.queue.empty() && of.flights.size() < limits_.lane_window_items) {
    lane_item& next = of.queue.front();
    const std::size_t bytes = next.body.size();
    if (!of.flights.empty() && of.flight_bytes + bytes > limits_.lane_window_bytes) {
      break;
    }
    of.flights.push_back({next.position, bytes, next.date});
    of.flight_bytes += bytes;
    of.queue_bytes -= bytes;
    of.sent = next.position;
    out.items.push_back(std::move(next));
    of.queue.pop_front();
  }
  if (out.items.empty()) {
    return;
  }
  counters_.lane_sent.add(out.items.size());
  out.step = lane_step::items;
  out.to = of.to;
  out.stream = of.stream;
  port_.send_lane(std::move(out));
}

// --- rows that are not in memory ----------------------------------------------------------------------

void lane_sender::read_back(lane& of) {
  if (!of.behind || of.reading || of.asking || full(of) || of.flights.size() >= limits_.lane_window_items) {
    return;
  }
  of.reading = true;
  of.reading_high = of.high;
  of.joining.clear();
  of.joining_full = false;
  row_range range;
  range.from = outbox_key(of.to, of.tail + 1);
  range.to = persistence::prefix_end(lane_prefix(table::lane_outbox, of.to));
  range.rows_max = limits_.lane_page_rows;
  range.bytes_max = limits::lane_page_bytes;
  port_.read_rows(std::move(range), [this, to = of.to, stream = of.stream](const row_page& page) {
    lane& read = lane_of(to);
    if (read.stream == stream) { // otherwise it began anew, elsewhere
      take_page(read, page);
    }
  });
}

void lane_sender::take_page(lane& of, const row_page& page) {
  of.reading = false;
  for (const row& each : page.rows) {
    std::optional<lane_item> item = read_outbox(each.key, each.value.view());
    if (!item) {
      throw std::logic_error("a row of a lane cannot be read");
    }
    if (item->position > of.tail) {
      enqueue(of, std::move(*item));
    }
  }
  if (!page.more && !of.joining_full) {
    of.behind = false;
    for (lane_item& each : of.joining) {
      if (each.position > of.tail) {
        enqueue(of, std::move(each));
      }
    }
  }
  of.joining.clear();
  touch(of);
}

// --- what the destination says ------------------------------------------------------------------------

void lane_sender::ask(lane& of) {
  of.asking = true;
  of.reading = false;
  of.stream = ++last_stream_;
  of.heard = port_.lane_loop().now();
  lane_message out;
  out.step = lane_step::ask;
  out.to = of.to;
  out.stream = of.stream;
  port_.send_lane(std::move(out));
  port_.want_tick(limits_.lane_tick_ms);
}

void lane_sender::report(const lane_message& what) {
  lane* const of = find(what.from);
  if (of == nullptr || what.term != port_.lane_term()) {
    return;
  }
  of->heard = port_.lane_loop().now();
  if (const std::uint64_t there = std::max(what.position, what.applied); there > of->high) {
    // The rows of this shard are older than what their destination has seen of them: what has such a position now
    // would be passed over there.
    log::error(shard_log, "lane_is_ahead", {{"shard", port_.lane_shard()}, {"lane", of->to}});
    of->next = std::max(of->next, there + 1);
    of->high = there;
  }
  acknowledge(*of, what.applied);
  if (what.resume && what.stream == of->stream) {
    resume(*of, what.position);
  }
  touch(*of);
}

void lane_sender::peer_ready(shard_id which) {
  lane* const of = find(which);
  if (of != nullptr && (of->asking || of->behind || of->depth > 0 || !of->queue.empty())) {
    ask(*of);
  }
}

void lane_sender::acknowledge(lane& of, std::uint64_t applied) {
  of.acked = std::max(of.acked, applied);
  while (!of.flights.empty() && of.flights.front().position <= of.acked) {
    of.flight_bytes -= of.flights.front().bytes;
    of.flights.pop_front();
    counters_.lane_acked.add();
  }
  if (of.lowest_known && erasable(of) >= of.erased + limits_.lane_erased_at_once) {
    port_.want_tick(0);
  } else if (erasable(of) > of.erased) {
    port_.want_tick(limits_.lane_tick_ms);
  }
}

void lane_sender::resume(lane& of, std::uint64_t position) {
  if (position < of.acked) {
    // An answer that was overtaken; or a destination that lost what it had acknowledged, and then its lane stays here
    // rather than to go on with a gap. Either way it is asked again, after its silence.
    static log::site overtaken{};
    log::warning(overtaken, shard_log, "lane_went_back", {{"shard", port_.lane_shard()}, {"lane", of.to}});
    of.asking = true;
    return;
  }
  counters_.lane_resumes.add();
  of.asking = false;
  of.reading = false;
  of.stream = ++last_stream_;
  if (std::exchange(of.known, true) && position == of.sent) {
    return; // nothing was lost
  }
  while (!of.flights.empty() && of.flights.back().position > position) {
    of.flight_bytes -= of.flights.back().bytes;
    of.flights.pop_back();
  }
  of.queue.clear();
  of.queue_bytes = 0;
  of.sent = of.tail = position;
  of.behind = of.high > position;
}

// --- every now and then -------------------------------------------------------------------------------

void lane_sender::tick() {
  const monotonic_ms now = port_.lane_loop().now();
  bool again = false;
  for (auto& [to, each] : lanes_) {
    // Also for what it did not send itself: an earlier leader did, and the answer may be lost.
    const bool waits = each.asking || each.depth > 0;
    if (waits && !each.reading && now >= each.heard + limits_.lane_silence_ms) {
      ask(each);
    }
    again = again || waits;
    touch(each);
  }
  erase_acknowledged();
  count_oldest();
  if (again) {
    port_.want_tick(limits_.lane_tick_ms);
  }
}

void lane_sender::count_depth(lane& of) {
  // Of a lane whose destination has not spoken nobody knows how much of it is done; but all rows that are left may
  // wait, except the lowest, which an idle lane has, too.
  const std::uint64_t done = of.known ? of.acked : of.lowest_known ? std::max(of.acked, of.erased) : of.high;
  const std::int64_t depth = of.high > done ? static_cast<std::int64_t>(of.high - done) : 0;
  counters_.lane_depth.add(depth - of.depth);
  depth_ += depth - of.depth;
  of.depth = depth;
}

void lane_sender::count_oldest() {
  unix_time oldest = 0;
  for (auto& [to, each] : lanes_) {
    if (!each.flights.empty()) {
      each.oldest = each.flights.front().date;
    } else if (!each.queue.empty()) {
      each.oldest = each.queue.front().date;
    } else if (each.depth == 0 && each.known) {
      each.oldest = 0;
    } // otherwise what waits is in its rows alone, and was no later than this
    const unix_time date = each.depth > 0 ? each.oldest : 0;
    oldest = oldest == 0 || (date != 0 && date < oldest) ? date : oldest;
  }
  auto& ages = counters_.lane_oldest_of;
  ages.erase(port_.lane_shard().value());
  if (oldest != 0) {
    ages[port_.lane_shard().value()] = std::max(port_.lane_loop().date() - oldest, 0);
  }
  std::int64_t most = 0;
  for (const auto& [shard, age] : ages) {
    most = std::max(most, age);
  }
  counters_.lane_oldest.set(most);
}

/// Rows below may go. The last acknowledged one of a lane stays, for it keeps the count of positions; so does the newest
/// one, whatever was acknowledged: a destination may have seen more than the rows know of.
std::uint64_t lane_sender::erasable(const lane& of) { return std::min(of.acked, of.newest_row); }

void lane_sender::erase_acknowledged() {
  std::string bytes;
  persistence::mutation_writer writer(bytes);
  std::size_t left = limits::lane_erased_per_mutation;
  std::vector<std::pair<lane*, std::uint64_t>> erased;
  for (auto& [to, each] : lanes_) {
    if (!each.lowest_known) {
      find_lowest(each);
      continue;
    }
    std::uint64_t position = each.erased;
    for (const std::uint64_t end = erasable(each); position < end && left > 0; ++position, --left) {
      erase_outbox(writer, to, position);
    }
    if (position != each.erased) {
      erased.emplace_back(&each, position);
    }
  }
  if (bytes.empty()) {
    return;
  }
  const bool taken = port_.propose_rows(bytes, {});
  for (const auto& [of, position] : taken ? erased : decltype(erased){}) {
    of->erased = position;
  }
  if (!taken || left == 0) {
    port_.want_tick(limits_.lane_tick_ms);
  }
}

void lane_sender::find_lowest(lane& of) {
  if (std::exchange(of.lowest_asked, true)) {
    return;
  }
  row_range range;
  range.from = outbox_key(of.to, 0);
  range.to = persistence::prefix_end(lane_prefix(table::lane_outbox, of.to));
  range.rows_max = 2; // the second is the oldest that was surely not acknowledged when the rows below it were erased
  port_.read_rows(std::move(range), [this, to = of.to](const row_page& page) {
    lane& read = lane_of(to);
    const auto place = page.rows.empty() ? std::nullopt : lane_place_of(page.rows.front().key);
    read.lowest_known = true;
    read.erased = place ? place->position : read.acked;
    if (page.rows.size() > 1 && !read.known) {
      const auto second = read_outbox(page.rows[1].key, page.rows[1].value.view());
      read.oldest = second ? second->date : 0;
    }
    touch(read);
    port_.want_tick(limits_.lane_tick_ms);
  });
}

} // namespace godwit::cluster
