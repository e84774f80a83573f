#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cluster/base/home_loop.hpp"
#include "cluster/base/log.hpp"
#include "cluster/peer/peer_hub.hpp"
#include "cluster/peer/peer_link.hpp"

namespace godwit::cluster {

inline log::component peer_log{"peer"};

/// What is behind a peer_hub. Of two nodes the one with the greater number decides which connection is their link, so
/// that they never disagree: both greet; the lesser one agrees; the greater one welcomes, and sends from then on.
class hub_core : public std::enable_shared_from_this<hub_core> {
public:
  hub_core(home_loop& loop, peer_network& network, peer_hub::options with);
  virtual ~hub_core();
  hub_core(const hub_core&) = delete;
  hub_core& operator=(const hub_core&) = delete;

  // --- from every thread; see peer_hub ---

  void post(std::function<void(hub_core&)> job);
  bool send(node_id to, envelope_kind what, const peer_hub::body_writer& write, peer_order how);
  [[nodiscard]] std::shared_ptr<peer_outlet> outlet(node_id which) const;
  [[nodiscard]] std::vector<node_id> all_up() const;
  [[nodiscard]] std::vector<peer_status> status() const;
  [[nodiscard]] std::vector<peer_status> seeds() const;
  [[nodiscard]] home_loop& loop() const { return loop_; }

  // --- on the loop ---

  void start();
  void stop();
  void set_peers(const std::vector<peer_hub::peer>& peers);
  void set_seeds(const std::vector<peer_address>& seeds);
  void refuse_link(node_id which, const std::string& what);

  // --- what sessions hear ---

  void opened(peer_session& which, node_id certified);
  void received(peer_session& which, const persistence::slice& frame);
  void writable(peer_session& which);
  void closed(peer_session& which, const std::string& why);

  std::array<peer_hub::receiver, 256> receivers;
  std::vector<peer_hub::listener> listeners;
  peer_network::taker bulk;

private:
  struct flush_task final : round_task {
    explicit flush_task(hub_core& its_hub) : hub(its_hub) {}
    void run_deferred() override { hub.flush(); }
    hub_core& hub;
  };
  using session_ptr = std::shared_ptr<peer_session>;
  /// What the end of a connection says about its other side.
  enum class fault : std::uint8_t {
    none,    ///< nothing: there is another link, say
    passing, ///< it may be there again at any time
    lasting, ///< only people change it: tried again seldom
  };

  // hub_dials.cpp
  void arrange();
  void dial(peer_link& link);
  void dial(const std::shared_ptr<peer_seed>& seed);
  session_ptr add_session(bool dialled);
  [[nodiscard]] monotonic_ms pause(std::uint32_t failures, bool hopeless, bool lesser);
  [[nodiscard]] bool settled(const peer_seed& seed) const;
  void take(std::unique_ptr<peer_connection> connection, node_id certified);
  void late(std::uint64_t session);

  // hub_hello.cpp
  void on_hello(peer_session& from, const peer_hello& says);
  void on_greeting(peer_session& from, const peer_greeting& said);
  void on_agreement(peer_session& from, const peer_agreement& said);
  void on_welcome(peer_session& from, const peer_welcome& said);
  void on_refusal(peer_session& from, const peer_refusal& said);
  void choose(peer_session& which);
  void refuse(peer_session& which, refusal why);
  void send_hello(peer_session& to, const peer_hello& says);
  void link_up(peer_session& with, std::uint64_t number);
  void link_down(peer_link& link, const std::string& why);
  void end(peer_session& which, const std::string& why, fault is = fault::passing);
  void next_for(const peer_link* link);
  void forget_session(peer_session& which);
  void note_trouble(peer_session& with, const std::string& why, bool hopeless);
  bool news(const std::string& text);

  // hub_traffic.cpp
  void on_frame(peer_link& link, const session_ptr& from, const persistence::slice& frame);
  void on_beat(peer_link& link, const peer_beat& beat);
  void send_beat(peer_link& link);
  void beat_rang(node_id which);
  bool send_here(node_id to, envelope_kind what, const peer_hub::body_writer& write, peer_order how);
  void want_flush(peer_link& link);
  void flush();
  void pump(peer_link& link);
  void take_staged(node_id which);
  [[nodiscard]] std::size_t queued(const peer_link& link) const;
  [[nodiscard]] std::uint64_t gone(const peer_link& link) const;
  [[nodiscard]] std::uint64_t clock_us() const;

  // hub_core.cpp
  peer_link* find(node_id which);
  peer_link* find_or_add(node_id which);
  [[nodiscard]] std::string name_of(const peer_session& which) const;
  [[nodiscard]] peer_status status_of(const peer_link& link) const;
  [[nodiscard]] std::vector<peer_status> seeds_now() const;
  void publish();
  std::uint32_t random();

  home_loop& loop_;
  peer_network& network_;
  const peer_hub::options options_;
  peer_greeting own_;
  std::uint64_t random_state_;
  bool started_ = false;
  bool stopped_ = false;

  std::map<std::uint64_t, std::unique_ptr<peer_link>> links_;
  std::vector<std::shared_ptr<peer_seed>> seeds_;
  std::map<std::uint64_t, session_ptr> sessions_;
  std::vector<session_ptr> graveyard_; ///< until the round's end: somebody may be inside of them
  std::uint64_t last_session_ = 0;
  std::uint64_t last_link_;
  std::vector<std::uint64_t> dirty_;
  std::map<std::string, monotonic_ms> told_; ///< in the log, and when
  bool unpublished_ = true;
  flush_task flush_task_;
  loop_timer tick_;

  mutable std::shared_mutex outlets_mutex_;
  std::unordered_map<std::uint64_t, std::shared_ptr<peer_outlet>> outlets_;
  mutable std::mutex published_mutex_;
  std::vector<peer_status> published_;
  std::vector<peer_status> published_seeds_;
};

} // namespace godwit::cluster
