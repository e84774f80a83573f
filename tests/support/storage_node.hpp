#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <variant>
#include <vector>

#include "persistence/log/log_store.hpp"
#include "persistence/raft/replica.hpp"
#include "persistence/state/shard_state.hpp"
#include "persistence/state/state_store.hpp"

namespace godwit::test {

using namespace godwit::persistence; // NOLINT: test support speaks of little else

/// Every replica of one node on one loop thread over real stores: what the node's actors do, in its
/// smallest form, for tests with real processes and for benches.
class storage_node final : public raft::replica_host, public log_sink, public state_sink {
public:
  struct options {
    node_id self{1};
    configuration members{{member{node_id{1}, member_role::voter}}};
    std::uint16_t shards = 16;
    raft::replica_options replica;
    shard_state::options state;
  };

  /// What a test or bench hangs onto the loop; all of it is called on the loop thread.
  struct hooks {
    /// A replica leads and is ready in this term (0: no more).
    std::function<void(shard_id, term_t)> ready;
    std::function<void(shard_id, raft::proposal_token, raft::proposal_outcome, index_t)> done;
    /// A message for another node.
    std::function<void(shard_id, raft::message)> send;
    std::function<void(const storage_error&)> failed;
    std::function<void()> recovered;
    /// After the events of a round and before its writes: the place to propose.
    std::function<void()> round;
  };

  storage_node(options opts, hooks on);
  ~storage_node() override;

  /// Starts the replicas over opened stores, which outlive the node, and then the loop.
  storage_result<void> start(log_store& log, state_store& state);
  /// Ends the loop; nothing is drained.
  void stop();

  // --- from any thread ---
  void post(std::function<void()> job);
  void deliver(shard_id shard, raft::message what);

  // --- on the loop thread ---
  expected<void, raft::raft_errc> propose(shard_id shard, term_t fence, std::string_view mutation,
                                          raft::proposal_token token);
  raft::replica& replica_of(shard_id shard) { return *shards_.at(shard.value()).replica; }
  shard_state& state_of(shard_id shard) { return *shards_.at(shard.value()).state; }
  [[nodiscard]] std::uint16_t shards() const { return options_.shards; }
  [[nodiscard]] static monotonic_ms now();

  // --- sinks, on the stores' threads ---
  void log_written(std::span<const log_completion> done) override;
  void log_failed(const storage_error& why) override;
  void log_recovered() override;
  void state_flushed(std::span<const flush_completion> done) override;
  void state_failed(const storage_error& why) override;
  void state_recovered() override { log_recovered(); }

  // --- replica_host ---
  void send(shard_id shard, raft::message what) override;
  void proposal_done(shard_id shard, raft::proposal_token token, raft::proposal_outcome outcome,
                     index_t index) override;
  void role_changed(shard_id shard) override;
  void read_log(shard_id shard, const raft::log_read_request& request) override;
  void fetch_snapshot(shard_id shard, node_id from, const snapshot_point& at_least) override;
  void replica_failed(shard_id shard, const storage_error& why) override;

private:
  struct shard_slot {
    std::unique_ptr<shard_state> state;
    std::unique_ptr<raft::replica> replica;
    term_t told_ready = 0;
    bool dirty = false;
  };
  struct delivery {
    shard_id shard;
    raft::message what;
  };
  using event = std::variant<log_completion, flush_completion, delivery, std::function<void()>>;

  void run();
  void handle(event& what);
  void touch(shard_id shard);
  void finish_round();
  monotonic_ms next_due();

  options options_;
  hooks on_;
  log_store* log_ = nullptr;
  state_store* state_ = nullptr;
  std::vector<shard_slot> shards_;
  std::vector<shard_id> dirty_;
  std::vector<event> local_; ///< made on the loop itself, handled in the same round

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<event> inbox_;
  bool sleeping_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

/// A state store that keeps nothing: for benches of the log alone.
class null_state_store final : public state_store {
public:
  explicit null_state_store(state_sink& sink) : sink_(sink) {}

  storage_result<flushed_state> recover(shard_id) override { return flushed_state{}; }
  void flush(state_flush what) override { queued_.push_back({what.shard, what.to, what.to.point.index}); }
  void kick() override;
  void sync() override {}
  storage_result<std::unique_ptr<state_snapshot>> snapshot() override;
  storage_result<void> run_on_reader(std::function<void()> job) override;
  storage_result<std::unique_ptr<state_export>> begin_export(shard_id) override;
  void import_begin(shard_id, import_done done) override;
  void import_chunk(shard_id, state_chunk, import_done done) override;
  void import_finish(shard_id, snapshot_point, import_done done) override;

private:
  state_sink& sink_;
  std::vector<flush_completion> queued_;
};

} // namespace godwit::test
