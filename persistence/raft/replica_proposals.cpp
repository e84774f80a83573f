// What a leader is asked for: proposals, changes of members, handing over.

#include "persistence/raft/replica.hpp"

#include <algorithm>
#include <utility>

#include "persistence/base/mutant.hpp"

namespace godwit::persistence::raft {

expected<void, raft_errc> replica::propose(term_t fence, std::string_view mutation, proposal_token token) {
  if (failed_ || core_.current_role() != role::leader) {
    return unexpected(raft_errc::not_leader);
  }
  if (ready_term_ == 0) {
    return unexpected(raft_errc::not_ready);
  }
  if (fence != ready_term_ && !mutated(mutant::no_term_fence)) {
    return unexpected(raft_errc::stale_term);
  }
  if (handing_over()) {
    return unexpected(raft_errc::transfer_pending);
  }
  if (mutation.size() > limits::mutation_bytes_max) {
    return unexpected(raft_errc::too_large);
  }
  if (proposals_.in_flight() >= options_.proposals_in_flight_max ||
      proposals_.in_flight_bytes() + mutation.size() > options_.proposals_in_flight_bytes_max ||
      (proposals_.gathered() && proposals_.gathered_bytes() + mutation.size() > options_.entry_bytes_max)) {
    return unexpected(raft_errc::too_many);
  }
  proposals_.gather(mutation, token);
  return {};
}

std::uint32_t replica::appends_in_flight() const {
  return static_cast<std::uint32_t>(
    std::count_if(writes_.begin(), writes_.end(), [](const write_in_flight& w) { return w.append != 0; }));
}

void replica::submit_gathered(monotonic_ms now) {
  // What gathered before a hung disk made the core hand over waits for the end of that: refused by the
  // core it would be lost although this replica may go on leading.
  if (!proposals_.gathered() || ready_term_ == 0 || appends_in_flight() >= options_.appends_in_flight_max ||
      state_.full() || core_.transferee() != no_node) {
    return;
  }
  slice batch = proposals_.take();
  const index_t index = core_.last_index() + 1;
  const term_t term = core_.term();
  expected<effects, raft_errc> todo = core_.step(now, submitted{std::move(batch)});
  std::vector<finished_proposal> finished;
  if (!todo) {
    proposals_.drop_gathered(finished);
  } else {
    proposals_.submitted(index, term);
    if (mutated(mutant::acknowledge_before_majority)) {
      proposals_.applied(index, term, finished);
    }
  }
  report(finished);
  if (todo) {
    carry_out(now, std::move(*todo));
  } else if (todo.error() == raft_errc::corrupt) {
    fail_corrupt();
  }
}

expected<void, raft_errc> replica::change_members(monotonic_ms now, configuration next, proposal_token token) {
  if (failed_) {
    return unexpected(raft_errc::not_leader);
  }
  if (handover_) {
    return unexpected(raft_errc::transfer_pending);
  }
  const index_t index = core_.last_index() + 1;
  const term_t term = core_.term();
  expected<effects, raft_errc> todo = core_.step(now, change_submitted{std::move(next)});
  if (!todo) {
    if (todo.error() == raft_errc::corrupt) {
      fail_corrupt();
    }
    return unexpected(todo.error());
  }
  proposals_.submitted_alone(index, term, token);
  carry_out(now, std::move(*todo));
  return {};
}

expected<void, raft_errc> replica::catch_up(monotonic_ms now, node_id who) {
  if (failed_) {
    return unexpected(raft_errc::not_leader);
  }
  return try_step(now, catch_up_started{who});
}

expected<void, raft_errc> replica::transfer(monotonic_ms now, node_id to) {
  if (failed_ || ready_term_ == 0) {
    return unexpected(raft_errc::not_leader);
  }
  if (handing_over()) {
    return unexpected(raft_errc::transfer_pending);
  }
  const std::vector<member>& members = core_.members().members;
  if (std::none_of(members.begin(), members.end(), [&](const member& each) {
        return each.role == member_role::voter && each.id != options_.consensus.self &&
               (to == no_node || each.id == to);
      })) {
    return unexpected(raft_errc::bad_member);
  }
  handover_ = handover{to, now + 2 * monotonic_ms{options_.consensus.election_timeout_ms}, false};
  advance_handover(now);
  return {};
}

void replica::advance_handover(monotonic_ms now) {
  if (!handover_ || failed_) {
    return;
  }
  if (now >= handover_->give_up_at) {
    handover_.reset();
    return;
  }
  // The library gave up one transfer in nine when entries were still on their way, so they go first.
  if (!handover_->started && proposals_.idle()) {
    handover_->started = true;
    if (!try_step(now, transfer_started{handover_->to})) {
      handover_.reset();
    }
  }
}

void replica::leave_hung_disk(monotonic_ms now) {
  // A leader whose own disk hangs still commits with the others' disks, but every answer then hangs
  // on fewer nodes than it should; somebody else leads better.
  if (failed_ || writes_.empty() || core_.current_role() != role::leader || handing_over() ||
      now - writes_.front().since <= options_.consensus.election_timeout_ms || core_.members().members.size() < 2) {
    return;
  }
  handover_ = handover{no_node, now + 2 * monotonic_ms{options_.consensus.election_timeout_ms}, true};
  if (!try_step(now, transfer_started{no_node})) {
    handover_.reset();
  }
}

} // namespace godwit::persistence::raft
