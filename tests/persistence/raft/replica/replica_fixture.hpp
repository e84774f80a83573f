#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "persistence/base/mutant.hpp"
#include "persistence/raft/replica.hpp"
#include "tests/support/manual_stores.hpp"

namespace godwit::persistence::raft {

/// Writes down what the replica asks for.
class recording_host final : public replica_host {
public:
  void send(shard_id, message what) override { sent.push_back(std::move(what)); }
  void proposal_done(shard_id, proposal_token token, proposal_outcome outcome, index_t index) override {
    done.push_back({token, outcome, index});
  }
  void role_changed(shard_id) override { ++role_changes; }
  void read_log(shard_id, const log_read_request& request) override { reads.push_back(request); }
  void fetch_snapshot(shard_id, node_id, const snapshot_point& at_least) override { fetching = at_least; }
  void replica_failed(shard_id, const storage_error& why) override { failure = why; }

  /// Messages of one kind sent so far; forgets them all.
  template <class Body>
  std::vector<Body> take() {
    std::vector<Body> out;
    for (const message& each : sent) {
      if (const Body* body = std::get_if<Body>(&each.body)) {
        out.push_back(*body);
      }
    }
    sent.clear();
    return out;
  }

  std::vector<message> sent;
  std::vector<finished_proposal> done;
  std::vector<log_read_request> reads;
  std::optional<snapshot_point> fetching;
  std::optional<storage_error> failure;
  int role_changes = 0;
};

/// One replica of shard 3, as node 1, over stores that the test moves by hand. The other nodes are
/// the test itself.
class replica_fixture : public ::testing::Test {
protected:
  static constexpr shard_id shard{3};

  ~replica_fixture() override { mutants_on.reset(); }

  /// A group of `voters`, started and waiting.
  void start(std::uint64_t voters, const std::function<void(replica_options&)>& adjust = {}) {
    configuration members;
    for (std::uint64_t id = 1; id <= voters; ++id) {
      members.members.push_back({node_id{id}, member_role::voter});
    }
    log.submit(replica::bootstrap(shard, members));
    log.persist_one();
    restart(adjust);
  }

  void restart(const std::function<void(replica_options&)>& adjust = {}) {
    replica_options options;
    options.consensus.self = node_id{1};
    if (adjust) {
      adjust(options);
    }
    log.queued.clear();
    flushes.queued.clear();
    state = std::make_unique<shard_state>(shard, flushes, *flushes.recover(shard), shard_state::options{});
    subject = std::make_unique<replica>(shard, options, log, *state, host);
    const storage_result<void> started = subject->start(now, *log.recover(shard, 0));
    ASSERT_TRUE(started) << started.error().message;
  }

  /// A round, then everything queued becomes durable, until nothing moves.
  void settle() {
    subject->round(now);
    while (!log.queued.empty()) {
      persist_one();
      subject->round(now);
    }
  }

  void persist_one() {
    if (const write_generation generation = log.persist_one(); generation != 0) {
      subject->log_written(now, generation);
    }
  }

  void flush_state() {
    now += 1000;
    subject->round(now);
    while (!flushes.queued.empty()) {
      subject->state_flushed(now, flushes.write_one());
    }
  }

  void receive(std::uint64_t from, term_t term, message_body body) {
    subject->receive(now, message{node_id{from}, node_id{1}, term, std::move(body)});
  }

  /// Wins an election with node 2's votes; the barrier is neither stored nor acknowledged yet.
  void elect() {
    for (int i = 0; i < 100 && subject->core().current_role() != role::candidate; ++i) {
      subject->round(now);
      now = std::max(now + 1, subject->due());
      subject->timer(now);
    }
    settle();
    receive(2, subject->core().term(), vote_result{true, true});
    settle();
    receive(2, subject->core().term(), vote_result{true, false});
    ASSERT_EQ(subject->core().current_role(), role::leader);
  }

  /// Node 2 has stored everything the leader has.
  void acknowledge() {
    append_result result;
    result.last_index = subject->core().last_index();
    receive(2, subject->core().term(), result);
  }

  expected<void, raft_errc> propose(term_t fence, proposal_token token, std::string_view value = "v") {
    std::string mutation;
    mutation_writer{mutation}.put(table_id{1}, entity_id{7}, "key" + std::to_string(token), value);
    return subject->propose(fence, mutation, token);
  }

  monotonic_ms now = 100'000;
  test::manual_log_store log;
  test::manual_state_store flushes;
  recording_host host;
  std::unique_ptr<shard_state> state;
  std::unique_ptr<replica> subject;
};

} // namespace godwit::persistence::raft
