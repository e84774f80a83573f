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
#include "cluster/shard/replica_port.hpp"
#include "cluster/shard/request_ledger.hpp"
#include "cluster/shard/restart_budget.hpp"
#include "cluster/shard/shard_context.hpp"
#include "cluster/shard/shard_counters.hpp"

namespace godwit::cluster {

/// Runs the entities of one shard while its replica is ready in a term: starts them at the first request, hands
/// requests on in order, ends the idle ones, and ends all of them with the term. Lives on the loop of the replica.
///
/// Takes entity_request_ptr from anybody. Each ends in one entity_reply: the entity's, or `unavailable`, when a
/// bound is reached, the entity or the term ends, or limits::request_timeout_ms are over. Before a term is ready,
/// requests wait.
///
/// An entity is started again only when everything its predecessor proposed has ended: it would load rows that
/// change behind its back otherwise.
class shard_host final : public pinned_actor, public shard_context, private replica_listener {
public:
  struct setup {
    shard_id shard;
    std::uint16_t shards = 1;
    const entity_factories* factories = nullptr;
    cluster::router* router = nullptr;
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
  void propose(const entity_ref& from, std::string_view mutation, std::uint64_t token) override;
  void answer(const entity_request_ptr& request, entity_reply what) override;

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
  };
  struct kept_proposal {
    slot* from = nullptr;
    std::uint64_t token = 0;
    std::string mutation;
  };

  // requests
  void take(const entity_request_ptr& request);
  void forward(const entity_request_ptr& request);
  void forward_waiting();
  void refuse(const entity_request_ptr& request);
  void refuse_all(const std::vector<entity_request_ptr>& requests);
  void time_out();
  void follow_ledger();

  // entities
  slot* start(const entity_ref& who);
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
  void end_term();
  void begin_stop();
  void continue_stop();

  // proposals
  enum class submitted : std::uint8_t { taken, no_room, refused };
  submitted submit(slot& from, std::string_view mutation, std::uint64_t token);
  void proposal_done(persistence::raft::proposal_token token, persistence::raft::proposal_outcome outcome) override;
  void proposals_settled() override;
  void submit_kept();
  void drop_kept(const slot& of);
  void settle(slot& of);

  replica_port& replica_;
  setup setup_;
  shard_counters& counters_;
  term_t replica_term_ = 0; ///< what the replica says
  term_t term_ = 0;         ///< begins when the entities of the last one are gone
  unix_time last_date_ = 0;

  request_ledger ledger_;
  std::deque<entity_request_ptr> waiting_; ///< for a term or for room
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

  bool stopping_ = false;
  bool drained_ = false; ///< stopping, and everything was answered or told to end
  loop_timer drain_timer_;
};

} // namespace godwit::cluster
