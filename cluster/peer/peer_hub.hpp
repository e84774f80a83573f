#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cluster/peer/peer_connection.hpp"
#include "cluster/peer/wire_version.hpp"
#include "persistence/base/types.hpp"
#include "protocol/ids.hpp"

namespace godwit::cluster {

class home_loop;

/// What an envelope is about. Crosses between nodes: never renumber.
enum class envelope_kind : std::uint8_t {
  hello = 1, ///< the hub's own: who speaks; first on every connection
  beat = 2,  ///< the hub's own: alive, clock, credit
  raft = 3,
  request = 4,
  reply = 5,
  lane = 6,
  push = 7,
  listener_gone = 8,
  leaders = 9,   ///< who leads, of the sender and those that it has a link to
  presence = 10, ///< accounts whose presence changed at the sender
};

/// A link as an operator and the clock guard see it.
struct peer_status {
  node_id node;
  peer_address address;
  bool up = false;
  std::uint64_t incarnation = 0;   ///< of the process at the other end; 0: never up
  std::uint64_t silent_ms = 0;     ///< since anything was heard
  std::uint64_t round_trip_us = 0; ///< of the last beat
  std::int64_t clock_ahead_ms = 0; ///< its wall clock minus this node's, as of the last beat
  bool clock_known = false;
  std::string trouble; ///< why it is down, in words that name the remedy; empty while it is up
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t times_up = 0;
  std::size_t queued_bytes = 0;
};

/// Where an envelope stands among others to the same node.
struct peer_order {
  /// Before what was sent without it and has not begun to leave, and without waiting for credit: for what is small and
  /// says that somebody is alive, or who leads.
  bool first = false;
  /// 0: none. Nothing overtakes what was sent before it in the same stream without `first`. One stream belongs to one
  /// thread.
  std::uint32_t stream = 0;
};

/// The control links of one node: one to each other node, kept up. Lives on one loop, which it calls back on; sends
/// from every thread.
///
/// Of two nodes either may dial; when both did, the connection that the node with the greater number dialled stays.
/// Says hello (cluster, node, incarnation, wire versions), then beats every limits::peer_beat_ms; silence of
/// limits::peer_silence_ms ends a link, as does a queue beyond its bound: whoever has something under way with that node
/// hears of it by `changed`.
class peer_hub {
public:
  struct options {
    node_id self;
    std::string cluster_id;        ///< as in the data folder; a peer of another one is refused
    std::uint64_t incarnation = 0; ///< greater at each start of the process
    std::uint32_t seed = 1;        ///< of pauses between attempts
    /// Drawn by each process: tells two with the same number and incarnation apart. 0: made of the seed.
    std::uint64_t process = 0;
    std::function<unix_ms()> wall; ///< this node's own clock, unslewed: told in beats
    peer_address self_address;     ///< told in hello: where others may dial this node
    /// A steady clock, for round trips; none: the loop's, in whole milliseconds.
    std::function<std::uint64_t()> clock_us = {};
    wire_versions wire = spoken_versions;
  };

  /// All of it outlives the hub.
  peer_hub(home_loop& loop, peer_network& network, options with);
  ~peer_hub();
  peer_hub(const peer_hub&) = delete;
  peer_hub& operator=(const peer_hub&) = delete;

  // --- before start() ---

  /// Who takes envelopes of that kind, on the loop. The body's bytes live as long as the slice.
  using receiver = std::function<void(node_id from, persistence::slice body)>;
  void on(envelope_kind what, receiver who);
  /// A link came up (with the incarnation of the other process) or went down; on the loop. Any number of them.
  using listener = std::function<void(node_id which, bool up)>;
  void on_change(listener who);

  /// Who takes the connections for bulk that others dialled; the hub is the one that takes what comes in. Not called
  /// any more once stop() has run.
  void take_bulk(peer_network::taker who);

  // --- from every thread ---

  void start();
  /// Closes all links; nothing is called back any more when it has run on the loop. `done` runs there.
  void stop(std::function<void()> done);

  /// Where the other nodes are. Links to nodes that are not named end, those at another address are dialled anew.
  struct peer {
    node_id node;
    peer_address address;
  };
  void set_peers(std::vector<peer> peers);
  /// Addresses of nodes whose numbers are not known yet: dialled until somebody there says who it is.
  void set_seeds(std::vector<peer_address> seeds);

  /// Appends the body of one envelope to `out`, and nothing else.
  using body_writer = std::function<void(std::string& out)>;
  /// Sends with the round's other envelopes to that node; those of one thread stay in order, those that go first among
  /// themselves. On the loop the body is written in place, elsewhere it is copied once. False: the link is down or full,
  /// and nothing was sent. True says nothing about its arrival.
  bool send(node_id to, envelope_kind what, const body_writer& write, peer_order how = {});
  bool send(node_id to, envelope_kind what, std::string_view body);

  /// That node sent `what`, and this one cannot read it: ends the link, with cause and remedy in both nodes' logs and
  /// in status(); it is dialled again as after any other end. On the loop at once, also from inside of a receiver:
  /// nothing more of that link is delivered. Elsewhere soon.
  void refuse(node_id which, std::string_view what);

  [[nodiscard]] bool up(node_id which) const;
  [[nodiscard]] std::vector<node_id> all_up() const;
  /// Of the process that the link is up with; 0: it is down.
  [[nodiscard]] std::uint64_t incarnation(node_id which) const;
  /// Every node that is named or was heard of. From another thread as of limits::peer_beat_ms ago at most.
  [[nodiscard]] std::vector<peer_status> status() const;
  /// Seeds where nobody has said yet who it is, and why: node is no_node.
  [[nodiscard]] std::vector<peer_status> seeds() const;
  [[nodiscard]] home_loop& loop() const;

private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

} // namespace godwit::cluster
