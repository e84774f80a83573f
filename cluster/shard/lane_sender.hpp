#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <vector>

#include "cluster/shard/host_limits.hpp"
#include "cluster/shard/lane_messages.hpp"
#include "cluster/shard/lane_port.hpp"
#include "cluster/shard/shard_counters.hpp"

namespace godwit::cluster {

/// The sources of one shard's lanes: gives deliveries their positions, sends what is applied, in order and within a
/// window, and erases what its destination has acknowledged. The rows are the queue; what is in memory is a part of
/// it that was not read back yet. Lives through the terms of its host, on its loop.
class lane_sender {
public:
  lane_sender(lane_port& port, const host_limits& limits, shard_counters& counters)
      : port_(port), limits_(limits), counters_(counters) {}

  /// A term: reads where each lane stands, then calls `known`. Nothing else is called before.
  void begin(std::function<void()> known);
  /// The term has begun, answers are taken: asks each destination of rows where it is.
  void ask_all();
  /// The term is over: forgets everything.
  void end();

  /// Of the next delivery to that shard.
  std::uint64_t next_position(shard_id to);
  /// A delivery is applied; in the order of the log. Nothing is sent before flush().
  void applied(lane_item item);
  /// Sends what can be sent, one message per lane.
  void flush();

  void report(const lane_message& what);
  /// The destination has a new leader.
  void peer_ready(shard_id which);
  void tick();

  /// Of all lanes: deliveries that were not acknowledged.
  [[nodiscard]] std::int64_t depth() const { return depth_; }

private:
  struct flight {
    std::uint64_t position = 0;
    std::size_t bytes = 0;
    unix_time date = 0;
  };
  struct lane {
    shard_id to;
    std::uint64_t next = 1;   ///< position of the next delivery
    std::uint64_t high = 0;   ///< the highest applied one, or one that the destination knows of
    std::uint64_t sent = 0;   ///< the last one of this stream
    std::uint64_t tail = 0;   ///< the last one in memory, or `sent`
    std::uint64_t acked = 0;  ///< the destination is done with everything up to here
    std::uint64_t erased = 0; ///< rows below are erased
    std::uint64_t stream = 0;
    bool known = true;         ///< the destination has said, in this term, where it is, or has nothing yet
    bool asking = false;       ///< nothing is sent until it answers
    bool behind = false;       ///< rows beyond `tail` have to be read back
    bool reading = false;      ///< they are
    bool lowest_known = true;  ///< `erased` is right
    bool lowest_asked = false; ///< it is being read
    bool dirty = false;
    std::uint64_t reading_high = 0; ///< what is applied beyond is not in the page …
    std::deque<lane_item> joining;  ///< … but here …
    bool joining_full = false;      ///< … unless it was too much
    std::deque<lane_item> queue;    ///< to be sent next
    std::size_t queue_bytes = 0;
    std::deque<flight> flights; ///< sent and not acknowledged
    std::size_t flight_bytes = 0;
    monotonic_ms heard = 0; ///< or when it was asked, or when there was nothing to hear
    std::int64_t depth = 0; ///< as the counters have it
    std::uint64_t newest_row = 0;
    unix_time oldest = 0; ///< of what waits, when it was last seen
  };

  void read_heads(std::string below, std::function<void()> known);
  lane& lane_of(shard_id to);
  lane* find(shard_id to);
  void touch(lane& of);
  void enqueue(lane& of, lane_item item);
  [[nodiscard]] bool full(const lane& of) const;
  void send_some(lane& of);
  void read_back(lane& of);
  void take_page(lane& of, const persistence::row_page& page);
  void ask(lane& of);
  void acknowledge(lane& of, std::uint64_t applied);
  void resume(lane& of, std::uint64_t position);
  void count_depth(lane& of);
  void count_oldest();
  [[nodiscard]] static std::uint64_t erasable(const lane& of);
  void erase_acknowledged();
  void find_lowest(lane& of);

  lane_port& port_;
  const host_limits& limits_;
  shard_counters& counters_;
  std::map<shard_id, lane> lanes_;
  std::vector<lane*> dirty_;
  std::int64_t depth_ = 0;
  std::uint64_t last_stream_ = 0; ///< never goes back: a host may begin anew in the same term
};

} // namespace godwit::cluster
