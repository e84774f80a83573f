#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "protocol/ids.hpp"

namespace godwit::account {

/// Which copy of a call was taken last. A client that lost its node makes its calls again through another one, under
/// the same message ids in its old session, under later ones in a new session; the first copies may still be somewhere,
/// in the session that the client left, in a queue, on a slow link. One that turns up behind its other copy must not be
/// executed: what that one did may have been undone since. Calls of which a copy changes nothing need not be asked about.
/// Memory alone, bounded.
class call_copies {
public:
  struct verdict {
    /// A later copy was taken before this one.
    bool older = false;
    /// The same one was taken before, and since then a later call of its session, which its client may have made knowing
    /// what this one did.
    bool overtaken = false;
    /// Not null: the same one was answered with this, which is its answer again. Until the next call of this object.
    const std::string* answer = nullptr;
    /// Not 0: the same one is under way, by this ticket.
    std::uint64_t first = 0;
  };
  /// This copy counts as taken, unless it is older.
  verdict take(auth_key_id key, session_id session, std::string_view body, msg_id message, unix_time now);
  /// The copy that was taken last is under way until this ticket is answered. `body`, `message`: as in take().
  void begin(auth_key_id key, std::string_view body, msg_id message, std::uint64_t ticket);
  /// A further copy of the one that is under way; false: none is, and nobody waits.
  bool wait(const verdict& seen, std::uint64_t ticket);
  /// Any ticket was answered with this; empty: with something that is not to be said again later. It is kept where it
  /// is short. Yields whoever waited for the same answer.
  std::vector<std::uint64_t> answered(std::uint64_t ticket, std::string_view answer);
  [[nodiscard]] bool under_way() const { return !under_way_.empty(); }

private:
  struct copy {
    msg_id newest;
    unix_time taken = 0;
    std::string answer;       ///< of the newest; empty: not known
    std::uint64_t ticket = 0; ///< of the newest, while it is under way
  };
  struct execution {
    std::uint64_t call = 0; ///< by its place in taken_
    std::vector<std::uint64_t> copies;
  };
  struct caller {
    msg_id newest;
    unix_time called = 0;
  };
  void forget(unix_time now);

  std::unordered_map<std::uint64_t, copy> taken_;           ///< by hash of key and body
  std::deque<std::pair<unix_time, std::uint64_t>> by_time_; ///< oldest first; taken again: several times
  std::unordered_map<std::uint64_t, caller> sessions_;      ///< by hash of key and session: their newest call
  std::unordered_map<std::uint64_t, execution> under_way_;  ///< by ticket: no more than requests are open
};

} // namespace godwit::account
