#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "persistence/base/types.hpp"

namespace godwit::cluster {

using persistence::node_id;
using persistence::shard_id;
using persistence::term_t;

/// Who leads a shard, as far as this node heard.
struct leadership {
  node_id node; ///< no_node: nobody known
  term_t term = 0;

  friend bool operator==(const leadership&, const leadership&) = default;
};

/// Who leads which shard, as this node knows it: from its own replicas, from what other nodes say, and from
/// those that were asked in vain. A hint: whoever is named may lead no longer. Safe from every thread; reading takes no
/// lock.
class leader_board {
public:
  explicit leader_board(std::uint16_t shards);

  [[nodiscard]] leadership find(shard_id which) const;
  /// A later term wins; within a term somebody wins over nobody. False: it was known, or is older.
  bool note(shard_id which, leadership what);
  /// That node is gone: what it led has no known leader, in the same terms.
  void lost(node_id which);
  /// The same of one shard, if that is still what is known of it.
  void lost(shard_id which, leadership known);

  /// Called after each change, on the thread that noted it; before any note.
  using listener = std::function<void(shard_id which, leadership now)>;
  void on_change(listener who);

  /// Shards without a known leader, the cluster's own among them.
  [[nodiscard]] std::uint16_t leaderless() const;
  [[nodiscard]] std::uint16_t shards() const { return shards_; }

private:
  [[nodiscard]] std::size_t place(shard_id which) const;

  std::uint16_t shards_;
  std::vector<std::atomic<std::uint64_t>> known_; ///< 12 bits of node, 52 of term; the cluster's own shard is last
  std::vector<listener> listeners_;
};

} // namespace godwit::cluster
