#pragma once

#include <deque>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "cluster/base/pinned_actor.hpp"
#include "cluster/shard/entity_factory.hpp"
#include "cluster/shard/host_limits.hpp"
#include "cluster/shard/lane_port.hpp"
#include "cluster/shard/lane_receiver.hpp"
#include "cluster/shard/lane_sender.hpp"
#include "cluster/shard/leader_board.hpp"
#include "cluster/shard/replica_port.hpp"
#include "cluster/shard/request_ledger.hpp"
#include "cluster/shard/restart_budget.hpp"
#include "cluster/shard/shard_context.hpp"
#include "cluster/shard/shard_counters.hpp"

namespace godwit::cluster {

struct lane_page;

/// Runs the entities of one shard while its replica is ready in a term: starts them at the first request, hands
/// requests on in order, ends the idle ones, and ends all of them with the term. Lives on the loop of the replica.
///
/// Takes entity_request_ptr from anybody. Each ends in one entity_reply: the entity's, or `unavailable`, when a
/// bound is reached, the entity or the term ends, or limits::request_timeout_ms are over. Before a term is ready,
/// requests wait. When another node is known to lead they go back to the router, in order, or, those that came from
/// other nodes, are answered `moved`.
///
/// An entity is started again only when everything its predecessor proposed has ended: it would load rows that
/// change behind its back otherwise.
///
/// Has the shard's ends of lanes: takes lane_message from other hosts, and from itself. In a new term it first reads
/// where they stand.
class shard_host final : public pinned_actor,
                         public shard_context,
                         private replica_listener,
                         private lane_port,
                         private round_task {
public:
  struct setup {
    shard_id shard;
    std::uint16_t shards = 1;
    persistence::node_id self{1};
    const entity_factories* factories = nullptr;
    cluster::router* router = nullptr;
    /// Who leads while this node does not; nullptr: nobody else ever does.
    const leader_board* board = nullptr;
    shard_counters* counters = nullptr;
    host_limits limits;
    std::function<void(term_t)> ready;     ///< on the loop; entities may load in this term, 0: in none
    std::function<void(bool asked)> ended; ///< on the loop; false: by a fault
  };

  /// `replica` and what the setup points to outlive the actor's end.
  shard_host(caf::actor_config& config, home_loop& home, replica_port& replica, setup with);
  ~shard_host() override;

  caf::behavior make_behavior() override;
  void on_exit() override;
  [[nodiscard]] const char* name() const override { return "shard_host"; }

  // shard_context; on the loop
  [[nodiscard]] shard_id shard() const override { return setup_.shard; }
  [[nodiscard]] term_t term() const override { return term_; }
  [[nodiscard]] std::uint16_t shards() const override { return setup_.shards; }
  unix_time date() override;
  persistence::shard_state& state() override { return replica_.state(); }
  cluster::router& router() override { return *setup_.router; }
  std::uint64_t next_position(shard_id to) override;
  void propose(const entity_ref& from, std::string_view mutation, std::uint64_t token, lane_parts& lanes) override;
  void answer(const entity_request_ptr& request, entity_reply what) override;
  void answer_read(const entity_request_ptr& request, entity_reply what) override;

private:
  /// running -> resting -> running | ended;  running, resting -> leaving -> ended
  enum class phase : std::uint8_t {
    running,
    resting, ///< was asked to end for idleness
    leaving, ///< was told to end
    ended,   ///< what it proposed is still on its way
  };
  struct slot {
    entity_ref who;
    caf::actor actor;
    phase at = phase::running;
    bool settled = false;        ///< is in settled_
    bool lost = false;           ///< a proposal was
    std::uint32_t proposals = 0; ///< handed over or kept, and not ended
    std::uint64_t applied = 0;   ///< the newest of its own numbers
    monotonic_ms used = 0;
    std::vector<entity_request_ptr> pending; ///< for its successor, or for itself if it stays
    std::list<slot*>::iterator place;        ///< in idle_, while running
  };
  struct proposal {
    slot* from = nullptr; ///< nullptr: of an earlier term
    std::uint64_t token = 0;
    bool ended = false;
    bool barrier = false;
  };
  /// A proposal of nothing, and the answers that leave when it is applied: nobody else led until after they were made.
  struct barrier {
    std::uint64_t number = 0;
    bool applied = false;
    std::vector<std::pair<entity_request_ptr, entity_reply>> answers;
  };
  struct kept_proposal {
    slot* from = nullptr; ///< nullptr: a barrier
    std::uint64_t token = 0;
    std::string mutation;
    lane_parts lanes;
  };
  struct row_read {
    persistence::row_range range;
    std::function<void(const persistence::row_page&)> then;
    bool again = false; ///< at the timer
  };

  // requests
  void take(const entity_request_ptr& request);
  void forward(const entity_request_ptr& request);
  void forward_waiting();
  [[nodiscard]] leadership elsewhere() const;
  void pass_on(const entity_request_ptr& request, const leadership& to);
  void leader_known();
  void refuse(const entity_request_ptr& request);
  void refuse_all(const std::vector<entity_request_ptr>& requests);
  void time_out();
  void follow_ledger();

  // entities
  slot* start(const entity_ref& who, bool* impossible = nullptr);
  bool make_room();
  void rest(slot& of);
  void rest_idle();
  void stays(const entity_ref& who);
  void leave(slot& of);
  void down(const caf::down_msg& message);
  void remove(slot& of);

  // terms
  void ready_term_changed(term_t ready) override;
  void begin_term();
  void read_lanes();
  void open_term();
  void end_term();
  void begin_stop();
  void continue_stop();

  // proposals
  enum class submitted : std::uint8_t { taken, no_room, refused };
  submitted submit(slot* from, std::string_view mutation, std::uint64_t token, lane_parts& lanes,
                   bool as_barrier = false);
  bool begin_barrier();
  void barrier_done(std::uint64_t number, bool applied);
  void release_barriers();
  void proposal_done(persistence::raft::proposal_token token, persistence::raft::proposal_outcome outcome) override;
  void proposals_forgotten() override;
  void proposals_settled() override;
  void submit_kept();
  void drop_kept(const slot& of);
  void settle(slot& of);

  // lanes
  void take_lane(lane_message& what);
  void note_lanes(persistence::raft::proposal_token token, lane_parts& lanes);
  void lanes_done(persistence::raft::proposal_token token, bool applied);
  void forward_delivery(const entity_request_ptr& delivery);
  void read(std::uint64_t number);
  void take_page(lane_page& loaded);
  void read_again();
  void tick_lanes();
  [[nodiscard]] shard_id lane_shard() const override { return setup_.shard; }
  [[nodiscard]] std::uint16_t lane_shards() const override { return setup_.shards; }
  [[nodiscard]] term_t lane_term() const override { return lane_term_; }
  [[nodiscard]] home_loop& lane_loop() override { return home(); }
  void send_lane(lane_message what) override;
  void read_rows(persistence::row_range range, std::function<void(const persistence::row_page&)> then) override;
  bool propose_rows(std::string_view mutation, lane_parts parts) override;
  lane_handover hand_over(const entity_request_ptr& delivery) override;
  void start_early(const entity_ref& who) override;
  void want_tick(std::uint32_t in_ms) override;
  void want_flush() override { home().defer(round_phase::output, *this); }
  void want_report(std::uint32_t in_ms) override;
  void run_deferred() override;

  replica_port& replica_;
  setup setup_;
  shard_counters& counters_;
  term_t replica_term_ = 0; ///< what the replica says
  term_t lane_term_ = 0;    ///< begins when the entities of the last one are gone
  term_t term_ = 0;         ///< the same, once it is known where the lanes stand
  term_t ended_term_ = 0;   ///< the last one
  unix_time last_date_ = 0;

  request_ledger ledger_;
  std::deque<entity_request_ptr> waiting_; ///< for a term or for room
  bool more_waiting_ = false;              ///< a part of these is to be forwarded at the end of the round
  std::int64_t open_told_ = 0;             ///< of the ledger, to the counters
  loop_timer timeout_;

  std::unordered_map<entity_ref, slot> slots_;
  std::unordered_map<caf::actor_id, slot*> alive_;
  std::list<slot*> idle_; ///< the running ones, longest unused first
  restart_budget budget_;
  loop_timer idle_timer_;

  std::deque<proposal> proposals_;
  persistence::raft::proposal_token first_proposal_ = 1; ///< number of proposals_.front()
  std::deque<kept_proposal> kept_;
  std::size_t kept_bytes_ = 0;
  std::vector<slot*> settled_;

  /// What is proposed in a round enters the log at its end: what was answered before that waits for one barrier.
  struct round_end final : round_task {
    bool open = false;
    void run_deferred() override { open = false; }
  };
  round_end barrier_round_;
  std::deque<barrier> barriers_;
  std::uint64_t last_barrier_ = 0;

  lane_sender sender_;
  lane_receiver receiver_;
  std::deque<std::pair<persistence::raft::proposal_token, lane_item>> open_out_;  ///< proposed, by proposal
  std::deque<std::pair<persistence::raft::proposal_token, lane_accept>> open_in_; ///< likewise
  std::unordered_map<std::uint64_t, row_read> reads_;
  std::uint64_t last_read_ = 0;
  bool lanes_broken_ = false; ///< a proposal was lost that others rest on: begin anew
  loop_timer lane_timer_;
  loop_timer report_timer_;
  loop_timer read_timer_;

  bool stopping_ = false;
  bool drained_ = false; ///< stopping, and everything was answered or told to end
  loop_timer drain_timer_;
};

} // namespace godwit::cluster
