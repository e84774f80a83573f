#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/storage_node.hpp"

namespace godwit::bench {

using namespace godwit::persistence; // NOLINT: the benches speak of little else

/// Keeps a number of proposals in flight on the shards that one node leads: each answer makes the
/// next proposal, as a client with one request open does.
///
/// A mutation is what a message costs a user's box, in small: `rows` rows of one user (of 1000 per
/// shard), the first one under a growing message id with the value, the others overwritten.
class mutation_load {
public:
  struct options {
    std::uint32_t in_flight = 256; ///< over all shards of all nodes
    std::size_t mutation_bytes = 500;
    std::uint32_t rows = 1;
    std::uint32_t users = 1000;
  };

  mutation_load(const options& opts, test::storage_node& node);

  // --- hooks of the node, on its loop ---
  void ready(shard_id shard, term_t term);
  void done(shard_id shard, raft::proposal_token token, raft::proposal_outcome outcome);
  void round();

  /// From here on answers are counted and timed. On the loop.
  void measure();
  [[nodiscard]] std::uint64_t answered() const { return answered_; }
  /// Microseconds from propose to answer, one each.
  [[nodiscard]] const std::vector<std::uint32_t>& latencies() const { return latencies_; }

private:
  using clock = std::chrono::steady_clock;
  struct slot {
    shard_id shard;
    term_t term = 0;
    std::uint32_t user = 0;
    std::uint64_t message = 0;
    clock::time_point since;
    bool idle = true;
  };

  void propose(std::uint32_t number);

  options options_;
  test::storage_node& node_;
  std::vector<slot> slots_;
  std::vector<std::uint32_t> idle_;
  std::string value_;
  std::string mutation_;
  bool measuring_ = false;
  std::uint64_t answered_ = 0;
  std::vector<std::uint32_t> latencies_;
};

} // namespace godwit::bench
