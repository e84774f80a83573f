#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <vector>

#include "cluster/shard/replica_port.hpp"
#include "persistence/state/mutation.hpp"
#include "tests/support/manual_stores.hpp"

namespace godwit::test {

/// The replica of a shard that commits and leads when the test says so, over a log that outlives it. Its state is what
/// that log gives.
class log_replica final : public cluster::replica_port {
public:
  /// Mutations that were committed, in their order.
  using durable_log = std::vector<std::string>;

  explicit log_replica(durable_log& log) : log_(log), state_(shard_id{0}, store_, flushed_state{}, {}) {
    for (const std::string& each : log_) {
      apply(each);
    }
  }

  /// With no other term in between: what is proposed is committed up to `kept` of them, and the others are lost.
  void lead(term_t term, std::size_t kept = 0) {
    const std::deque<proposal> open = std::exchange(proposed_, {});
    term_ = 0;
    if (listener_ != nullptr) {
      listener_->ready_term_changed(0);
    }
    for (std::size_t i = 0; i < open.size(); ++i) {
      if (i < kept) {
        log_.push_back(open[i].mutation);
        apply(log_.back());
      }
      tell(open[i].token, i < kept ? raft::proposal_outcome::applied : raft::proposal_outcome::lost);
    }
    settled();
    term_ = term;
    if (listener_ != nullptr && term != 0) {
      listener_->ready_term_changed(term);
    }
  }

  /// Commits the oldest proposals, in one entry.
  void commit(std::size_t count = 1'000'000) {
    count = std::min(count, proposed_.size());
    std::vector<raft::proposal_token> done;
    for (; done.size() < count; proposed_.pop_front()) {
      log_.push_back(std::move(proposed_.front().mutation));
      apply(log_.back());
      done.push_back(proposed_.front().token);
    }
    for (const raft::proposal_token each : done) {
      tell(each, raft::proposal_outcome::applied);
    }
    settled();
  }

  /// The newest ones are lost, and the term goes on.
  void lose(std::size_t count) {
    for (; count > 0 && !proposed_.empty(); --count) {
      const raft::proposal_token token = proposed_.back().token;
      proposed_.pop_back();
      tell(token, raft::proposal_outcome::lost);
    }
    settled();
  }

  /// The node ends: nothing is told any more. What was proposed is found in the log later, up to `kept` of them.
  void crash(std::size_t kept) {
    dead_ = true;
    for (std::size_t i = 0; i < std::min(kept, proposed_.size()); ++i) {
      log_.push_back(proposed_[i].mutation);
    }
    proposed_.clear();
  }

  [[nodiscard]] std::size_t open() const { return proposed_.size(); }
  std::size_t room = 1'000'000; ///< proposals it takes at once

  // --- replica_port ---

  void listen(cluster::replica_listener* who) override { listener_ = who; }
  [[nodiscard]] term_t ready_term() const override { return term_; }
  shard_state& state() override { return state_; }
  expected<void, raft::raft_errc> propose(term_t fence, std::string_view mutation,
                                          raft::proposal_token token) override {
    if (dead_ || fence != term_ || term_ == 0) {
      return unexpected(raft::raft_errc::stale_term);
    }
    if (proposed_.size() >= room) {
      return unexpected(raft::raft_errc::too_many);
    }
    if (mutation.size() > 100'000) {
      return unexpected(raft::raft_errc::too_large);
    }
    proposed_.push_back({token, std::string(mutation)});
    return {};
  }

private:
  struct proposal {
    raft::proposal_token token = 0;
    std::string mutation;
  };

  void apply(const std::string& mutation) {
    std::string batch;
    append_mutation(batch, mutation);
    const auto done = state_.apply(++index_, {1, entry_kind::command, slice::adopt(std::move(batch))});
    EXPECT_TRUE(done);
  }
  void tell(raft::proposal_token token, raft::proposal_outcome outcome) {
    if (listener_ != nullptr) {
      listener_->proposal_done(token, outcome);
    }
  }
  void settled() {
    if (listener_ != nullptr) {
      listener_->proposals_settled();
    }
  }

  durable_log& log_;
  manual_state_store store_;
  shard_state state_;
  std::deque<proposal> proposed_;
  cluster::replica_listener* listener_ = nullptr;
  term_t term_ = 0;
  index_t index_ = 0;
  bool dead_ = false;
};

} // namespace godwit::test
