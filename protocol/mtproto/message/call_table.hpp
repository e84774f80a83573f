#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "protocol/ids.hpp"
#include "protocol/mtproto/message/types.hpp"

namespace godwit::mtproto {

/// A call that waits for others, by invokeAfterMsg.
struct waiting_call {
  mtproto::call call;
  /// Those that did not end yet.
  std::vector<msg_id> after;
  unix_ms give_up_at = 0;
};

/// The calls of a session that were not answered yet.
class call_table {
public:
  struct entry {
    msg_id id;
    /// Set while the call waits for others.
    std::unique_ptr<waiting_call> waiting;
  };

  void add(msg_id id, std::unique_ptr<waiting_call> waiting = nullptr);
  [[nodiscard]] bool contains(msg_id id) const;
  /// Removes a call; nothing when it is not there.
  std::optional<entry> take(msg_id id);

  /// `finished` ended well: yields the calls that now wait for nothing. They stay as running ones.
  std::vector<call> release(msg_id finished);
  /// The calls that wait for `failed`.
  [[nodiscard]] std::vector<msg_id> waiting_for(msg_id failed) const;
  /// The calls that waited too long.
  [[nodiscard]] std::vector<msg_id> overdue(unix_ms now) const;
  [[nodiscard]] std::optional<unix_ms> due() const;

  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] std::size_t waiting() const { return waiting_; }
  [[nodiscard]] std::size_t waiting_bytes() const { return waiting_bytes_; }
  [[nodiscard]] std::size_t memory_bytes() const;

private:
  [[nodiscard]] std::size_t position(msg_id id) const;
  void count_out(const entry& which);

  /// By id.
  std::vector<entry> entries_;
  std::size_t waiting_ = 0;
  std::size_t waiting_bytes_ = 0;
};

} // namespace godwit::mtproto
