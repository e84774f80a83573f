#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "cluster/base/loop_timer.hpp"
#include "cluster/peer/envelope_batch.hpp"
#include "cluster/peer/peer_greeting.hpp"

namespace godwit::cluster {

class hub_core;
struct peer_seed;

/// How far a connection is on its way to be a link.
enum class session_stage : std::uint8_t {
  opening,  ///< dialled, not there yet
  greeting, ///< this node's greeting is sent, the other's awaited
  agreeing, ///< greetings were taken here; the other node's agreement or welcome is awaited
  held,     ///< agreed; waits for what becomes of a connection that this node dialled
  up,
  refused, ///< the reason is on its way to the other side
  ended,
};

/// One control connection and its hello.
struct peer_session final : peer_connection_listener {
  peer_session(hub_core& its_hub, std::function<void()> late) : hub(its_hub), deadline(std::move(late)) {}

  void opened(node_id certified_as) override;
  void received(persistence::slice frame) override;
  void writable() override;
  void closed(const std::string& why) override;

  hub_core& hub;
  std::uint64_t id = 0;
  std::unique_ptr<peer_connection> connection;
  session_stage stage = session_stage::opening;
  bool dialled = false;
  peer_address address;              ///< that was dialled
  node_id expected;                  ///< no_node: any
  std::shared_ptr<peer_seed> seed;   ///< dialled for it
  node_id certified;                 ///< what its certificate says
  std::optional<peer_greeting> said; ///< once it was taken
  loop_timer deadline;
};

/// Up to where the last envelope of each stream stands, in bytes.
using peer_streams = std::unordered_map<std::uint32_t, std::uint64_t>;

/// What other threads touch of a link.
struct peer_outlet {
  std::atomic<bool> up{false};
  std::atomic<std::uint64_t> incarnation{0};
  /// Waiting or not yet taken by the kernel, as the loop saw it last.
  std::atomic<std::size_t> queued{0};

  /// Of `staged_in`: has left, as the loop saw it last.
  std::atomic<std::uint64_t> staged_gone{0};

  std::mutex mutex;
  bool open = false;   ///< as `up`, exact under the mutex
  bool posted = false; ///< the loop will come for what is staged
  envelope_batch staged;
  envelope_batch staged_first;
  std::uint64_t staged_in = 0; ///< bytes that were ever staged in order, on this link
  peer_streams streams;        ///< of other threads, in the count of staged_in

  /// Under the mutex: a link begins or ends.
  void clear();
};

/// All that the hub knows of one other node.
struct peer_link {
  peer_link(node_id which, std::function<void()> redial_rings, std::function<void()> beat_rings)
      : node(which), redial(std::move(redial_rings)), beat(std::move(beat_rings)) {}

  node_id node;
  bool named = false;
  peer_address address;
  std::shared_ptr<peer_outlet> outlet = std::make_shared<peer_outlet>();
  std::uint64_t newest_incarnation = 0;
  std::uint64_t newest_process = 0;
  std::string trouble;

  // --- dialling ---
  std::shared_ptr<peer_session> attempt;
  loop_timer redial;
  std::uint32_t failures = 0;
  bool hopeless = false; ///< the last attempt failed for what only people change

  // --- while it is up ---
  std::shared_ptr<peer_session> current;
  std::uint64_t number = 0; ///< given by the node with the greater number
  std::uint64_t lost_number = 0;
  loop_timer beat;
  monotonic_ms up_since = 0;
  monotonic_ms changed_at = 0;
  monotonic_ms heard_at = 0;
  envelope_batch first;       ///< waits for nothing but the end of the round
  envelope_batch waiting;     ///< in order, for credit
  std::uint64_t in_order = 0; ///< bytes that were ever put into `waiting`
  peer_streams streams;       ///< of the loop's thread, in the count of in_order
  /// What was taken from other threads and has not left: in the counts of in_order and of staged_in.
  std::deque<std::pair<std::uint64_t, std::uint64_t>> taken;
  bool dirty = false;    ///< in the list of those to flush
  bool overflow = false; ///< the queue went beyond its bound
  std::uint64_t sent_counted = 0;
  std::uint64_t handled_there = 0;
  std::uint64_t handled_here = 0;
  std::uint64_t handled_told = 0;
  std::uint64_t last_beat_us = 0; ///< the other's clock
  std::uint64_t last_beat_at = 0; ///< this node's clock
  bool beat_answered = false;

  /// What was on its way over a link that begins or ends.
  void clear_traffic();

  // --- for status ---
  bool clock_known = false;
  std::int64_t clock_ahead_ms = 0;
  std::uint64_t round_trip_us = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t times_up = 0;
};

/// An address where somebody is whose number is not known.
struct peer_seed {
  peer_seed(peer_address where, std::function<void()> redial_rings)
      : address(std::move(where)), redial(std::move(redial_rings)) {}

  peer_address address;
  node_id learned;  ///< who was there
  bool own = false; ///< this node itself
  std::shared_ptr<peer_session> attempt;
  loop_timer redial;
  std::uint32_t failures = 0;
  bool hopeless = false;
  std::string trouble;
};

} // namespace godwit::cluster
