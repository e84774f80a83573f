#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster/base/loop_timer.hpp"
#include "cluster/snapshot/byte_budget.hpp"
#include "cluster/snapshot/snapshot_frames.hpp"
#include "cluster/snapshot/snapshot_parts.hpp"

namespace godwit::cluster {

/// Serves the snapshots that other nodes ask for: one picture of the store for each node and shard, kept over a break
/// of the connection; so many streams at once, all of them within one rate; no chunk that was not granted. On the loop;
/// rows are read, checked and packed on the store's reader threads.
class snapshot_sender {
public:
  explicit snapshot_sender(snapshot_parts& with);
  ~snapshot_sender();
  snapshot_sender(const snapshot_sender&) = delete;
  snapshot_sender& operator=(const snapshot_sender&) = delete;

  void take(std::unique_ptr<peer_connection> connection, node_id certified);
  void stop();

private:
  /// The place between two chunks of a picture.
  struct mark {
    std::string after; ///< the last key before it
    stream_sums sums;  ///< of the chunks before it; `chunks` is the number of the next one
    bool end = false;
  };

  struct picture {
    shard_id shard;
    node_id peer;
    std::uint64_t token = 0;
    std::shared_ptr<persistence::state_export> source;
    std::deque<mark> marks;       ///< from the first chunk that the receiver may ask for again to the next one
    bool reading = false;         ///< a reader thread has it
    std::uint64_t rewound = 0;    ///< counts; what was read before is void
    monotonic_ms given_up_at = 0; ///< while no stream has it
    std::unique_ptr<transfer_record> record;
  };

  struct stream;
  struct opening;
  struct read_result;

  void frame(stream& from, persistence::slice bytes);
  void asked(stream& from, const wire::SnapshotAsk& what);
  void granted(stream& from, const wire::SnapshotGrant& what);
  void closed(stream& which);
  void start_next();
  void open(stream& which);
  void opened(stream& which);
  void begin(stream& which, bool resumed);
  void pump(stream& which);
  void read(stream& which);
  void chunk_read(const std::shared_ptr<picture>& rows, read_result& what);
  void refuse(stream& which, wire::SnapshotRefusal::Reason why, std::uint64_t leader = 0, std::uint64_t index = 0);
  void send(stream& to, const wire::SnapshotFrame& what);
  void send_wait(stream& to);
  /// Ends a stream; its picture is kept for a while, or not.
  void end(stream& which, bool keep_picture, std::string_view why);
  void drop(const std::shared_ptr<picture>& what);
  [[nodiscard]] std::size_t running() const;
  [[nodiscard]] stream* stream_of(std::uint64_t number);
  [[nodiscard]] stream* stream_of(const picture& rows);
  void tick();
  void look_at(stream& which, monotonic_ms now);
  void keep_ticking();

  snapshot_parts& parts_;
  byte_budget budget_;
  std::list<std::unique_ptr<stream>> streams_; ///< oldest first
  std::vector<std::shared_ptr<picture>> pictures_;
  std::uint64_t next_stream_ = 1;
  loop_timer tick_;
  loop_timer budget_open_;
};

} // namespace godwit::cluster
