#pragma once

#include <cstdint>
#include <deque>
#include <string_view>
#include <unordered_map>

#include "protocol/ids.hpp"

namespace godwit::account {

/// Which copy of a call was taken last. A client that lost its node makes its calls again through another one, under
/// later message ids; the first copies may still be somewhere, in the session that the client left, in a queue, in the
/// sockets of a node that hung. One that turns up behind its later copy must not be executed: what that one did may have
/// been undone since. Calls of which a copy changes nothing need not be asked about. Memory alone, bounded.
class call_copies {
public:
  /// True: a later copy was taken before this one. Otherwise this one counts as taken.
  bool late(auth_key_id key, std::string_view body, msg_id message, unix_time now);

private:
  struct copy {
    msg_id newest;
    unix_time taken = 0;
  };

  std::unordered_map<std::uint64_t, copy> taken_;           ///< by hash of key and body
  std::deque<std::pair<unix_time, std::uint64_t>> by_time_; ///< oldest first; taken again: several times
};

} // namespace godwit::account
