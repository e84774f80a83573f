#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "cluster/shard/host_limits.hpp"
#include "cluster/shard/lane_messages.hpp"
#include "cluster/shard/lane_port.hpp"
#include "cluster/shard/shard_counters.hpp"

namespace godwit::cluster {

/// The destinations of one shard's lanes: hands deliveries to their entities, each when the mutation of the one before
/// it in its lane was proposed, so that they stand in the log in their order; acknowledges what is applied. Lives
/// through the terms of its host, on its loop.
class lane_receiver {
public:
  lane_receiver(lane_port& port, const host_limits& limits, shard_counters& counters)
      : port_(port), limits_(limits), counters_(counters) {}

  /// A term: reads up to where each lane is done, then calls `known`. Nothing else is called before.
  void begin(std::function<void()> known);
  /// Tells the sources that there is a leader.
  void announce();
  /// The term is over: forgets everything.
  void end();
  /// Takes nothing new and hands nothing over any more.
  void stop() { stopping_ = true; }

  void items(lane_message& what);
  void ask(const lane_message& what);

  /// Whether a proposal may accept this now: it is the delivery that is with its entity.
  [[nodiscard]] bool expects(const lane_accept& done) const;
  /// The proposal is on its way to the log, in its order.
  void accepted(const lane_accept& done);
  void applied(const lane_accept& done);
  /// A proposal that accepts it will never do.
  void refused(const lane_accept& done);

  /// The entity is gone, and with it what it was given. `fault`: by an exception.
  void entity_gone(const entity_ref& who, bool fault);
  /// A delivery that was taken is not with its entity after all.
  void handed_back(const entity_request_ptr& delivery, lane_handover why);
  /// There is room again.
  void go_on();
  void tick();
  /// Sends the acknowledgements that gathered.
  void flush();
  /// Those that waited for more of their kind are due.
  void report_late();

private:
  enum class state : std::uint8_t {
    idle,
    given,  ///< the first one is with its entity, or waits for it
    queued, ///< others are to be with its entity before it
    held,   ///< there was no room: until there is, or a tick
    paused, ///< until a tick
  };
  struct lane {
    shard_id from;
    std::uint64_t applied = 0;
    std::uint64_t accepted = 0; ///< the last one proposed
    std::uint64_t tail = 0;     ///< the last one here
    term_t term = 0;            ///< of the source
    std::uint64_t stream = 0;
    state at = state::idle;
    std::deque<lane_item> queue; ///< behind `accepted`
    std::size_t bytes = 0;
    std::size_t started = 0;   ///< entities of so many of these were started
    entity_request_ptr first;  ///< the first of the queue, and its body, once it was given
    std::uint32_t faults = 0;  ///< over it
    std::uint32_t retries = 0; ///< of it, whatever the reason
    bool suspect = false;      ///< its entity failed while it had it
    monotonic_ms again = 0;    ///< when paused
    bool overflown = false;    ///< deliveries came that there was no room for; an earlier leader sent others
    bool report_due = false;
    bool resume_due = false;
    std::size_t unreported = 0; ///< applied since the last report
    bool late = false;          ///< is in late_
  };

  /// An entity failed while it had deliveries. Until all of these are taken or put aside it is given one delivery at a
  /// time, so that its next failure tells whose it is, and no delivery is put aside for another one's.
  struct trial {
    std::uint32_t suspects = 0;
    std::deque<lane*> turns; ///< lanes whose delivery is with it (the first one), or next
  };

  void read_positions(std::string from, std::function<void()> known);
  lane& lane_of(shard_id from);
  bool know(lane& of, const lane_message& what);
  void give(lane& of);
  void start_ahead(lane& of);
  void pause(lane& of, bool longer);
  void suspect(lane& of);
  bool has_turn(lane& of);
  void end_turn(lane& of);
  void clear(lane& of);
  void put_aside(lane& of);
  void report(lane& of, bool resume);

  lane_port& port_;
  const host_limits& limits_;
  shard_counters& counters_;
  std::map<shard_id, lane> lanes_;
  std::unordered_map<entity_ref, trial> trials_; ///< hardly ever any
  std::vector<lane*> due_;                       ///< reports
  std::vector<lane*> late_;                      ///< with something to report soon
  std::size_t held_ = 0;                         ///< lanes, about
  bool stopping_ = false;
};

} // namespace godwit::cluster
