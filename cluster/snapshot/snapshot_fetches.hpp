#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string_view>

#include "cluster/snapshot/snapshot_frames.hpp"
#include "cluster/snapshot/snapshot_parts.hpp"

namespace godwit::cluster {

/// Fetches the snapshots that this node's replicas need: one shard's rows from whoever leads it, imported chunk by
/// chunk and installed when all of it is there and right. On the loop.
class snapshot_fetches {
public:
  explicit snapshot_fetches(snapshot_parts& with);
  ~snapshot_fetches();
  snapshot_fetches(const snapshot_fetches&) = delete;
  snapshot_fetches& operator=(const snapshot_fetches&) = delete;

  void fetch(shard_id shard, node_id from, persistence::index_t at_least, snapshot_streams::fetched done);
  void cancel(shard_id shard, std::function<void()> ended);
  void stop();

private:
  struct received_chunk {
    persistence::state_chunk chunk;
    std::uint64_t rows = 0;
    stream_sums totals; ///< of the last one
  };
  struct one;

  // What happens on the connection.
  void seek(one& of);
  void ask(one& of);
  void frame(one& of, persistence::slice bytes);
  void offered(one& of, const wire::SnapshotOffer& what);
  void arrived(one& of, wire::SnapshotChunk& what);
  void refused(one& of, const wire::SnapshotRefusal& what);
  void behind(one& of);
  void grant(one& of);
  void broken(one& of, std::string_view why);
  void garbage(one& of, std::string_view why);
  void again(one& of);
  void timer(one& of);

  // What happens in the state store.
  using answer = persistence::storage_result<persistence::flushed_state>;
  /// A call of the store's import, whose answer is `then`'s, on the loop, if the import is still this one.
  template <class Call>
  void call(one& of, Call with, void (snapshot_fetches::*then)(one&, const answer&));
  void begun(one& of, const answer& result);
  void import_next(one& of);
  void imported(one& of, const answer& result);
  void finish(one& of);
  void finished(one& of, const answer& result);
  /// Drops what was imported.
  void abandon(one& of, std::string_view why);
  void part(one& of);
  void sweep();
  void count();

  snapshot_parts& parts_;
  std::map<shard_id, std::unique_ptr<one>> fetches_;
  std::list<std::unique_ptr<one>> parting_;                ///< ended; their connections send the rest
  std::map<shard_id, std::uint32_t> calls_;                ///< of imports, under way
  std::multimap<shard_id, std::function<void()>> waiting_; ///< for these to end
  std::uint64_t next_import_ = 1;
};

} // namespace godwit::cluster
