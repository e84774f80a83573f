#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "actors/entity/entity_logic.hpp"
#include "actors/people/account_core.hpp"

namespace godwit::box {

using entity::entity_effects;
using people::call_context;

/// The calls that changed a box a short while ago. A client whose session was lost repeats what was not answered, while
/// another device may have written what a second execution would undo. Rows go with the change itself, so that a call
/// has its row exactly if it was executed.
class done_calls {
public:
  /// What the answer to a call told of: the updates between `pts - pts_count` and `pts`. 0: a row of an earlier version
  /// does not say.
  struct outcome {
    std::int32_t pts = 0;
    std::int32_t pts_count = 0;
  };

  /// What tells a call from the others of its key; never 0. On disk: never change it.
  [[nodiscard]] static std::uint64_t hash_of(std::string_view body);

  bool load(std::string_view sub_key, std::string_view value);

  /// Whether the call was executed within limits::repeated_call_seconds, for a session other than the one that asks. A
  /// client may go on under the number of a session that the server lost: only a session that this logic itself has
  /// heard, and of which it does not know that it ended, is the same one and may repeat what it wants. A copy that is
  /// older than the one that was executed is executed for nobody: it lay somewhere while its client went on elsewhere.
  [[nodiscard]] bool has(const call_context& call, unix_time now) const { return find(call, now).has_value(); }
  /// The same, with what came of it: the repetition's answer says so again, for nobody knows whether the first one
  /// arrived, and sessions hear of their own changes by answers alone.
  [[nodiscard]] std::optional<outcome> find(const call_context& call, unix_time now) const;

  /// The operation with this number executes the call.
  void begin(const call_context& call, std::uint64_t operation);
  /// Part of that operation: the client will call once more on purpose, to go on where this one ends.
  void unfinished() { unfinished_ = true; }
  /// Goes with every update of the box, which moves its pts as it says: puts the row of the call that this operation
  /// executes, and erases rows that are too old or too many.
  void write(std::uint64_t operation, const outcome& moved, unix_time now, entity_effects& out) {
    if (operation == operation_ || (!kept_.empty() && is_old(kept_.front(), now))) {
      write_rows(operation == operation_, moved, now, out);
    }
  }

  /// A session ended, or another one begins under its number.
  void session_lost(const entity::listener_id& who);

private:
  struct done_call {
    entity::listener_id asker;
    std::uint64_t body = 0;
    unix_time date = 0;
    bool session_lives = false;
    msg_id message;
    outcome told;

    [[nodiscard]] bool is(const call_context& call) const { return asker.key == call.asker.key && body == call.body; }
    [[nodiscard]] std::string sub_key() const;
  };
  [[nodiscard]] static bool is_old(const done_call& which, unix_time now);
  void write_rows(bool executed, const outcome& moved, unix_time now, entity_effects& out);
  void write_executed(const outcome& moved, unix_time now, entity_effects& out);

  std::deque<done_call> kept_; ///< oldest first
  static constexpr std::uint64_t none = ~std::uint64_t{0};
  call_context under_way_;         ///< what operation_ executes
  std::uint64_t operation_ = none; ///< whose updates are those of the call
  bool unfinished_ = false;
  bool written_ = false; ///< the call of operation_ is the newest that is kept
};

} // namespace godwit::box
