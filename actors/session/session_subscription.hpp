#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "actors/base/retry_pause.hpp"
#include "actors/session/session_context.hpp"
#include "actors/session/told_positions.hpp"
#include "cluster/base/loop_timer.hpp"
#include "cluster/shard/entity_push.hpp"

namespace godwit::actors {

/// A session's ear at its account: what happens there goes to the client, in the account's order and once. The account
/// pushes to it what others did, and tells it of its own client's changes by the answers to them; the two together
/// have every box position. When the account's actor goes away the session listens to the next one, and names the
/// position that its client was brought to: that actor tells what came after it, and the session leaves out what
/// answers told. A session without a connection does not, nor one whose client was silent for long: its client may be
/// on another node by now, where a session of the same name listens.
///
/// A position that neither a push nor an answer told is a hole. It may be there because a change was made in this
/// session's name that it did not ask for, being the copy of a call that its client made on another node, or because
/// its client wanted no answer. The client hears updatesTooLong ahead of what comes behind the hole, once.
/// No hole, but an answer that comes behind a later push, is one that waited for what it shows of other accounts, or
/// for a barrier without a lease; or one to a call made before the subscription, which came by another way. (Else
/// answers and pushes of one account reach a session in one order: see cluster_router.) All of them answer calls that
/// are under way when the push comes. So what comes behind such a hole waits until the answer fills it, or those calls
/// have ended, or for a little more than the account waits for others.
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

  /// go_on() follows.
  void tick();
  /// After anything else: calls may have ended, time has passed, and the client may have made room.
  void go_on();
  [[nodiscard]] std::optional<cluster::monotonic_ms> due() const;
  [[nodiscard]] bool listening() const { return state_ == state::listening; }

private:
  enum class state : std::uint8_t { silent, asking, listening };
  /// Of updates that the client will not hear: updatesTooLong is yet to be sent, or is the last that it was sent.
  enum class loss : std::uint8_t { none, owed, told };
  /// Waits for the answers to calls up to a token: it came behind a hole that they may fill, or they may tell of it.
  struct held_push {
    cluster::entity_push what;
    std::uint64_t last_token = 0; ///< of the calls that were made when it came
    cluster::monotonic_ms until = 0;
  };

  void ask();
  void ask_if_due(cluster::monotonic_ms now);
  void ask_later();
  void lost();
  [[nodiscard]] bool calls_come_first(cluster::monotonic_ms now) const;
  void subscribed(std::int32_t pts);
  [[nodiscard]] bool brings_news(const cluster::entity_push& what);
  [[nodiscard]] bool is_behind_hole(const cluster::entity_push& what) const;
  [[nodiscard]] bool answer_may_tell(const cluster::entity_push& what) const;
  [[nodiscard]] bool is_awaited() const;
  void settle_held();
  void deliver(const cluster::entity_push& what);
  /// Whether one more update is kept for the client.
  [[nodiscard]] bool has_room_for(std::size_t bytes) const;
  /// The client will not hear of something.
  void lose();
  /// As soon as there is room for it.
  void tell_of_loss();
  /// Nothing comes of the account any more, and what came is not for whoever is logged in next.
  void fall_silent();

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
  told_positions told_;
  std::int32_t asked_pts_ = 0; ///< that the account was asked with
  /// Calls up to this token were made before the account's actor went away: it may have carried them out, and their
  /// answers tell of it. They come ahead of what is told anew, for a while.
  std::uint64_t calls_before_ = 0;
  cluster::monotonic_ms calls_first_until_ = 0;
  /// Until then what comes may be told anew, and waits for the answers to calls that are under way.
  cluster::monotonic_ms answers_first_until_ = 0;
  /// In the order in which they came; bounded. The first one has to wait.
  std::vector<held_push> held_;
  loss loss_ = loss::none;
};

} // namespace godwit::actors
