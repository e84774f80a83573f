#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "cluster/snapshot/snapshot_sender.hpp"

// One connection of the serving side, and what reader threads bring it. For snapshot_sender.cpp alone.
namespace godwit::cluster {

struct snapshot_sender::opening {
  std::shared_ptr<persistence::state_export> source;
  persistence::storage_error error;
};

struct snapshot_sender::stream final : peer_connection_listener {
  enum class state : std::uint8_t {
    silent,  ///< has not asked
    queued,  ///< others come first
    opening, ///< a reader thread takes the picture
    running,
    refused, ///< the other side ends it
    over,
  };

  stream(snapshot_sender& of, std::uint64_t which, std::unique_ptr<peer_connection> over, node_id certificate)
      : owner(of), number(which), connection(std::move(over)), certified(certificate) {}

  void opened(node_id) override {}
  void received(persistence::slice bytes) override { owner.frame(*this, std::move(bytes)); }
  void writable() override { owner.pump(*this); }
  void closed(const std::string&) override { owner.closed(*this); }

  snapshot_sender& owner;
  const std::uint64_t number;
  std::unique_ptr<peer_connection> connection;
  const node_id certified;
  state now = state::silent;
  shard_id shard;
  node_id peer;
  persistence::index_t at_least = 0;
  std::shared_ptr<opening> picked; ///< while a reader thread fills it
  std::shared_ptr<picture> rows;
  std::uint64_t granted = 0; ///< chunks below this number may leave
  monotonic_ms heard_at = 0;
  monotonic_ms sent_at = 0;
};

struct snapshot_sender::read_result {
  std::uint64_t rewound = 0;
  std::optional<persistence::storage_error> error;
  std::string frame;
  std::size_t bytes = 0;
  std::uint64_t rows = 0;
  mark next;
};

} // namespace godwit::cluster
