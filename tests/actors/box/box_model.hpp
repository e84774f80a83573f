#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "actors/box/box_keys.hpp"

namespace godwit::box::testing {

/// What boxes are after any sequence of calls, told as simply as possible: no lanes, no counters, everything looked up
/// and counted anew.
class box_model {
public:
  struct kept {
    bool out = false;
    message_id origin = 0; ///< of an incoming one
    std::string text{};
    bool pinned = false;
    bool service = false;
    bool cleared = false;

    friend bool operator==(const kept&, const kept&) = default;
  };
  using dialog = std::map<message_id, kept>;
  struct box {
    std::map<std::int64_t, dialog> dialogs;
    std::map<std::int64_t, message_id> read_inbox;
    std::map<std::int64_t, message_id> read_outbox;
    message_id last = 0;
    std::int32_t pts = 1;
  };

  box& of(std::int64_t who) { return boxes_[who]; }
  std::int32_t unread(std::int64_t who, std::int64_t peer);
  message_id top(std::int64_t who, std::int64_t peer);

  void send(std::int64_t from, std::int64_t to, const std::string& text);
  void edit(std::int64_t who, std::int64_t peer, message_id id, const std::string& text);
  void erase(std::int64_t who, const std::set<message_id>& ids, bool revoke);
  void erase_history(std::int64_t who, std::int64_t peer, message_id max_id, bool just_clear, bool revoke);
  void read(std::int64_t who, std::int64_t peer, message_id max_id);
  void pin(std::int64_t who, std::int64_t peer, message_id id, bool unpin, bool one_side);
  void unpin_all(std::int64_t who, std::int64_t peer);

private:
  /// The same message in the peer's box; 0: it is not there.
  message_id counterpart(std::int64_t peer, std::int64_t who, message_id id, const kept& message);
  message_id add(std::int64_t who, std::int64_t peer, const kept& message);
  void erase_counterparts(std::int64_t who, std::int64_t peer, const dialog& gone);

  std::map<std::int64_t, box> boxes_;
};

} // namespace godwit::box::testing
