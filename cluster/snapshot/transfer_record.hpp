#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "cluster/base/home_loop.hpp"
#include "cluster/base/log.hpp"
#include "cluster/snapshot/snapshot_streams.hpp"

namespace godwit::cluster {

inline log::component snapshot_log{"snapshot"};

/// The transfers of a node, for whoever asks from another thread.
class transfer_board {
public:
  [[nodiscard]] std::vector<snapshot_transfer> list() const;

private:
  friend class transfer_record;
  mutable std::mutex mutex_;
  std::uint64_t next_ = 1;
  std::map<std::uint64_t, snapshot_transfer> all_;
};

/// One transfer on the board, and its lines in the log. On the loop.
class transfer_record {
public:
  transfer_record(home_loop& loop, transfer_board& board, shard_id shard, bool incoming, node_id peer);
  ~transfer_record();
  transfer_record(const transfer_record&) = delete;
  transfer_record& operator=(const transfer_record&) = delete;

  void set(snapshot_transfer::phase now, node_id peer);
  /// Rows begin to move, from nothing or again from `rows`. Logged.
  void begun(bool resumed, persistence::index_t index, std::uint64_t rows, std::uint64_t bytes);
  /// So much so far; logged every now and then.
  void at(std::uint64_t rows, std::uint64_t bytes);
  /// Logs how it ended; `why` in words.
  void ended(std::string_view event, std::string_view why = {});

private:
  home_loop& loop_;
  transfer_board& board_;
  std::uint64_t id_;
  snapshot_transfer now_;
  monotonic_ms begun_at_;
  monotonic_ms logged_at_ = 0;
  monotonic_ms measured_at_ = 0;
  std::uint64_t measured_bytes_ = 0;

  void publish();
};

} // namespace godwit::cluster
