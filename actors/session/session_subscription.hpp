#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>

#include "actors/base/retry_pause.hpp"
#include "actors/session/session_context.hpp"
#include "cluster/base/loop_timer.hpp"
#include "cluster/shard/entity_push.hpp"

namespace godwit::actors {

/// A session's ear at its account: what happens there goes to the client, in the account's order and once. When the
/// account's actor goes away the session listens to the next one, and names the box position that its client was
/// brought to: that actor tells what came after it. A session without a connection does not, nor one whose client was
/// silent for long: its client may be on another node by now, where a session of the same name listens.
class session_subscription {
public:
  explicit session_subscription(session_context& context);

  /// The login and layer of the session now; listens anew when they changed. User 0: nobody to listen to.
  void want(user_id user, authorization_id authorization, layer_t layer);
  /// The answer to a call that `who` made brings the client to its box position, if it has one. Of calls that are
  /// answered, and before the answer is given.
  void answered(const cluster::caller& who, const cluster::entity_reply& reply);
  /// True: the answer was for the subscription. `ended`: a login that the account says is no more; else as it was.
  bool replied(const cluster::entity_reply& reply, authorization_id& ended);
  void update(const cluster::entity_push& what);
  /// The account's actor ended, or is out of reach.
  void gone(const cluster::entity_push& what);
  /// Its client is here, wherever it was before.
  void client_spoke();
  /// The login is no more. False: it is not the one listened to.
  bool login_ended(user_id user, authorization_id authorization);
  /// The session ends: the account need not send any more.
  void leave();

  void tick();
  [[nodiscard]] std::optional<cluster::monotonic_ms> due() const {
    return ask_at_ != 0 && !context_.links.empty() ? std::optional(ask_at_) : std::nullopt;
  }
  [[nodiscard]] bool listening() const { return state_ == state::listening; }

private:
  enum class state : std::uint8_t { silent, asking, listening };

  void ask();
  void ask_later();
  void lost();
  [[nodiscard]] bool brings_news(const cluster::entity_push& what);
  void subscribed(std::int32_t pts);
  /// Whether one more update is kept for the client.
  void join_answered();
  [[nodiscard]] bool has_room_for(std::size_t bytes) const;
  /// False: not even that is taken.
  bool tell_too_long();

  session_context& context_;
  state state_ = state::silent;
  user_id user_;
  authorization_id authorization_;
  layer_t layer_ = 0;
  const std::uint64_t instance_;
  std::uint64_t attempt_ = 0;
  std::uint64_t token_ = 0;          ///< of the subscription; 0: what comes is of former ones
  persistence::term_t term_ = 0;     ///< in which its account's leader said that it tells
  cluster::monotonic_ms ask_at_ = 0; ///< 0: not
  cluster::monotonic_ms listening_since_ = 0;
  retry_pause pause_;
  /// A session of this name listens on another node: this one asks when its client comes back.
  bool replaced_ = false;
  cluster::monotonic_ms client_spoke_at_ = 0;
  /// It is to listen again, and its client was not heard of for so long that it may be elsewhere: it waits for it.
  bool client_quiet_ = false;
  /// The box position that the client was brought to, by pushes without a gap and by answers; 0: not known.
  std::int32_t told_pts_ = 0;
  std::set<std::int32_t> answered_ahead_; ///< positions beyond it that answers told of, bounded
  std::int32_t asked_pts_ = 0;   ///< that the account was asked with
  std::int32_t replayed_to_ = 0; ///< what was missed ends here
  /// Of what was lost the client hears already.
  bool told_too_long_ = false;
};

} // namespace godwit::actors
