#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <limits>
#include <string>

#include "cluster/shard/replica_port.hpp"
#include "persistence/state/mutation.hpp"
#include "tests/support/manual_stores.hpp"

namespace godwit::test {

/// A state store without rows that is too busy to be read, or broken, when the test says so.
class unwilling_state_store final : public manual_state_store {
public:
  storage_result<std::unique_ptr<state_snapshot>> snapshot() override {
    if (refusals > 0) {
      --refusals;
      return fail(refusal, "told to");
    }
    return std::make_unique<no_rows>(point, broken_reads);
  }
  storage_result<void> run_on_reader(std::function<void()> job) override {
    job();
    return {};
  }

  int refusals = 0;
  int broken_reads = 0; ///< so many looks for one row fail
  persistence_errc refusal = persistence_errc::busy;

private:
  class no_rows final : public state_snapshot {
  public:
    no_rows(flushed_state point, int& broken) : point_(std::move(point)), broken_(broken) {}
    storage_result<flushed_state> at(shard_id) override { return point_; }
    storage_result<std::optional<slice>> get(shard_id, std::string_view) override {
      if (broken_ > 0) {
        --broken_;
        return fail(persistence_errc::io_error, "told to");
      }
      return std::optional<slice>{};
    }
    storage_result<void> scan(shard_id, const row_range&,
                              const std::function<bool(std::string_view, std::string_view)>&) override {
      return {};
    }

  private:
    flushed_state point_;
    int& broken_;
  };
};

/// A replica that commits, loses and changes its term when the test says so. Its state is real and in memory.
class fake_replica final : public cluster::replica_port {
public:
  fake_replica() : state_(shard_id{0}, store, flushed_state{}, {}) {}

  // --- for the test ---

  void lead(term_t term) {
    term_ = term;
    listener_->ready_term_changed(term);
  }
  /// Commits the oldest proposals, in one entry.
  void commit(std::size_t count = 1) {
    std::string batch;
    for (std::size_t i = 0; i < count; ++i) {
      append_mutation(batch, proposed[i].mutation);
    }
    log_entry entry{term_, entry_kind::command, slice::adopt(std::move(batch))};
    ASSERT_TRUE(state_.apply(++index_, entry));
    finish(count, raft::proposal_outcome::applied);
  }
  /// Leadership stays here after all.
  void give_transfer_up() {
    handing_over = false;
    listener_->proposals_settled();
  }
  void lose(std::size_t count = 1) { finish(count, raft::proposal_outcome::lost); }

  /// From here on entities read the store too.
  void flush() {
    ASSERT_TRUE(state_.flush(1, index_, true));
    state_.flushed(store.write_one());
  }

  struct proposal {
    raft::proposal_token token = 0;
    std::string mutation;
  };
  std::deque<proposal> proposed;
  std::size_t room = 1'000'000; ///< proposals it takes at once
  monotonic_ms lease = std::numeric_limits<monotonic_ms>::max();
  bool may_not_lead = false;
  bool handing_over = false; ///< takes no proposals
  unwilling_state_store store;

  // --- replica_port ---

  void listen(cluster::replica_listener* who) override { listener_ = who; }
  [[nodiscard]] term_t ready_term() const override { return term_; }
  shard_state& state() override { return state_; }
  [[nodiscard]] monotonic_ms lease_until() const override { return lease; }
  [[nodiscard]] bool resigned() const override { return may_not_lead; }
  expected<void, raft::raft_errc> propose(term_t fence, std::string_view mutation,
                                          raft::proposal_token token) override {
    if (fence != term_ || term_ == 0) {
      return unexpected(raft::raft_errc::stale_term);
    }
    if (handing_over) {
      return unexpected(raft::raft_errc::transfer_pending);
    }
    if (proposed.size() >= room) {
      return unexpected(raft::raft_errc::too_many);
    }
    proposed.push_back({token, std::string(mutation)});
    return {};
  }

private:
  void finish(std::size_t count, raft::proposal_outcome outcome) {
    for (std::size_t i = 0; i < count; ++i) {
      const raft::proposal_token token = proposed.front().token;
      proposed.pop_front();
      listener_->proposal_done(token, outcome);
    }
    listener_->proposals_settled();
  }

  shard_state state_;
  cluster::replica_listener* listener_ = nullptr;
  term_t term_ = 0;
  index_t index_ = 0;
};

} // namespace godwit::test
