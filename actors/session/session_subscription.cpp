#include "actors/session/session_subscription.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "actors/commands/account_commands.pb.h"
#include "actors/entity/entity_logic.hpp"
#include "cluster/base/home_loop.hpp"
#include "cluster/shard/router.hpp"

namespace godwit::actors {
namespace {

/// updatesTooLong#e317af7e, the same in all layers: "come for the difference".
const std::string updates_too_long("\x7e\xaf\x17\xe3", 4);

/// An account that shows other people waits for them about a second (people::patience) before it answers.
constexpr cluster::monotonic_ms held_ms = 1500;
/// Pushes that wait for an answer: as many as are told anew, and some.
constexpr std::size_t held_max = 128;
/// For so long at most a session that lost its account's actor makes its calls anew before it listens anew.
constexpr cluster::monotonic_ms calls_first_ms = 5000;
/// Before an account that will not tell, for too many listen to it, is asked again.
constexpr cluster::monotonic_ms refused_again_ms = 60'000;
/// A client that speaks on two nodes in turn has the account's ear on each for so long at least.
constexpr cluster::monotonic_ms replaced_ms_min = 5000;
/// An account that was listened to for so long and goes away is asked again as soon as one that was never asked.
constexpr cluster::monotonic_ms steady_ms = 2000;

/// A client that is there is heard of so often: the slowest pings come every minute.
constexpr cluster::monotonic_ms client_heard_ms = 75'000;

cluster::entity_ref user_entity(user_id user) {
  return {cluster::entity_kind::user, cluster::entity_id(static_cast<std::uint64_t>(user.value()))};
}

} // namespace

session_subscription::session_subscription(session_context& context)
    : context_(context), instance_(context.services.random.next_u64()), pause_(instance_) {}

void session_subscription::want(user_id user, authorization_id authorization, layer_t layer) {
  if (user == user_ && authorization == authorization_ && layer == layer_) {
    return;
  }
  if (user != user_ || authorization != authorization_) {
    leave();
    told_.clear();
    calls_before_ = 0;
  }
  user_ = user;
  authorization_ = authorization;
  layer_ = layer;
  if (user_ != user_id{}) {
    pause_.reset();
    ask();
  }
}

void session_subscription::ask() {
  command::UserCommand what;
  what.mutable_subscribe()->set_layer(layer_);
  what.mutable_subscribe()->set_pts(told_.reached());
  what.mutable_subscribe()->set_instance(instance_);
  what.mutable_subscribe()->set_attempt(++attempt_);
  asked_pts_ = told_.reached();
  cluster::entity_request_ptr request =
    context_.request(user_entity(user_), cluster::request_type::command, what.SerializeAsString());
  request->listens = true;
  token_ = request->token;
  state_ = state::asking;
  ask_at_ = 0;
  calls_before_ = 0;
  answers_first_until_ = 0;
  held_.clear();
  context_.services.router.send(std::move(request));
}

bool session_subscription::replied(const cluster::entity_reply& reply, authorization_id& ended) {
  if (state_ != state::asking || reply.token != token_) {
    return false;
  }
  command::Subscribed what;
  switch (reply.status) {
  case cluster::reply_status::unavailable:
  case cluster::reply_status::moved: ask_later(); break;
  case cluster::reply_status::error:
    if (reply.error.errc == rpc_errc::flood_wait) {
      ask_at_ = context_.services.home.now() + refused_again_ms;
      break;
    }
    fall_silent();
    if (reply.error.errc == rpc_errc::auth_key_unregistered) {
      ended = authorization_;
    }
    break;
  case cluster::reply_status::ok:
    state_ = state::listening;
    listening_since_ = context_.services.home.now();
    term_ = reply.term;
    answers_first_until_ = listening_since_ + held_ms;
    if (what.ParseFromString(reply.body)) {
      subscribed(what.pts());
    }
    break;
  }
  return true;
}

void session_subscription::subscribed(std::int32_t pts) {
  if (asked_pts_ != 0) {
    return;
  }
  if (told_.reached() == 0) {
    told_.reach(pts);
  } else if (told_.reached() < pts) {
    // An answer brought the client somewhere before the account began to tell.
    ask();
  }
}

void session_subscription::answered(const cluster::caller& who, const cluster::entity_reply& reply) {
  if (state_ == state::silent || reply.pts == 0 || who.user != user_ || who.authorization != authorization_) {
    return;
  }
  if (loss_ == loss::told) {
    loss_ = loss::none; // it may have come for what it lost, and does not know of what is lost next
  }
  if (state_ == state::listening && reply.term > term_) {
    // Another node leads the account, and nobody said so yet: what that one tells, this session does not hear.
    lost();
  }
  // What an answer tells of is told, whatever lies before it and whenever that comes. One that only says where the box
  // is hides nothing: updates before it may be yet to come. The first one says where the client begins.
  if (told_.reached() == 0) {
    told_.reach(reply.pts);
  } else if (reply.pts_count > 0) {
    told_.add(reply.pts - reply.pts_count, reply.pts); // go_on(): what waits for it follows the answer
  }
}

void session_subscription::update(const cluster::entity_push& what) {
  if (state_ == state::silent || what.from != user_entity(user_) || what.body == nullptr) {
    return;
  }
  if (what.subscription == token_) {
    held_.push_back({what, context_.last_token, context_.services.home.now() + held_ms});
    settle_held();
  } else if (brings_news(what)) {
    deliver(what);
  }
}

void session_subscription::deliver(const cluster::entity_push& what) {
  context_.services.probe.pushes.add();
  tell_of_loss(); // ahead of what comes behind it
  const unix_ms now = context_.services.home.wall();
  if (loss_ != loss::owed && has_room_for(what.body->size()) &&
      context_.machine.push(mtproto::payload(what.body), now) == mtproto::push_result::queued) {
    loss_ = loss::none;
  } else {
    lose();
  }
}

/// Whether the client has to hear it, as far as positions tell; and where that brings it.
bool session_subscription::brings_news(const cluster::entity_push& what) {
  if (what.pts == 0) {
    return true;
  }
  const std::int32_t from = what.pts - what.pts_count;
  if (told_.knows(from, what.pts)) {
    return false;
  }
  const bool gap = told_.reached() == 0 || from > told_.reached();
  if (gap && what.subscription != token_) {
    // Of an actor that the account had before: this, and whatever lies between, the present one tells as well.
    return false;
  }
  if (gap && told_.reached() != 0 && state_ != state::listening) {
    told_.add(from, what.pts);
  } else {
    told_.reach(what.pts);
  }
  return true;
}

// --- holes ---------------------------------------------------------------------------------------------

/// Of those that tell what happens. Whoever has just asked to be told may hear the first of it ahead of the answer.
bool session_subscription::is_behind_hole(const cluster::entity_push& what) const {
  const std::int32_t from = what.pts - what.pts_count;
  return what.pts != 0 && what.subscription == token_ && state_ == state::listening && told_.reached() != 0 &&
         from > told_.reached() && !told_.knows(from, what.pts);
}

/// Of what is told anew: a call that is under way may have made that change. Its answer comes another way than what is
/// told, or is found only when the call is made again, or waits for what it shows of other accounts.
bool session_subscription::answer_may_tell(const cluster::entity_push& what) const {
  if (what.pts == 0 || what.subscription != token_ || asked_pts_ == 0 ||
      told_.knows(what.pts - what.pts_count, what.pts)) {
    return false;
  }
  const bool anew = state_ == state::asking || context_.services.home.now() < answers_first_until_;
  return anew && context_.oldest_call() != 0;
}

/// Whether an answer is waited for that the first of those held may be in want of: each waits for calls that were made
/// before it came, and for so long from then on.
bool session_subscription::is_awaited() const {
  const std::uint64_t oldest = context_.oldest_call();
  return oldest != 0 && oldest <= held_.front().last_token && context_.services.home.now() < held_.front().until &&
         held_.size() <= held_max;
}

/// What need not wait, or no longer, goes to the client.
void session_subscription::settle_held() {
  while (!held_.empty()) {
    const bool behind_hole = is_behind_hole(held_.front().what);
    if ((behind_hole || answer_may_tell(held_.front().what)) && is_awaited()) {
      return;
    }
    const cluster::entity_push next = std::move(held_.front().what);
    held_.erase(held_.begin());
    if (behind_hole) {
      lose();
      told_.reach(next.pts - next.pts_count);
    }
    if (brings_news(next)) {
      deliver(next);
    }
  }
}

bool session_subscription::has_room_for(std::size_t bytes) const {
  // A client that is away comes back for a few messages, and asks for many.
  return !context_.links.empty() || (context_.machine.kept_pushes() < limits::lingering_pushes_max &&
                                     context_.machine.kept_push_bytes() + bytes <= limits::lingering_pushes_bytes_max);
}

void session_subscription::lose() {
  if (loss_ == loss::none) {
    loss_ = loss::owed;
  }
  tell_of_loss();
}

void session_subscription::tell_of_loss() {
  if (loss_ == loss::owed && context_.machine.push(mtproto::payload(updates_too_long), context_.services.home.wall(),
                                                   true) == mtproto::push_result::queued) {
    context_.services.probe.pushes_lost.add();
    loss_ = loss::told;
  }
}

void session_subscription::gone(const cluster::entity_push& what) {
  if (state_ == state::silent || what.from != user_entity(user_) || what.subscription != token_ ||
      what.number == entity::listener_forgotten) {
    return;
  }
  lost();
  if (what.number == entity::listener_replaced) {
    ask_at_ = 0;
    replaced_ = true;
  }
}

void session_subscription::client_spoke() {
  const cluster::monotonic_ms now = context_.services.home.now();
  client_spoke_at_ = now;
  const bool replaced = std::exchange(replaced_, false);
  if ((std::exchange(client_quiet_, false) || replaced) && state_ == state::asking && ask_at_ == 0 && token_ == 0) {
    ask_at_ = replaced ? std::max(now, listening_since_ + replaced_ms_min) : now;
  }
}

/// Not at once: its next actor may just be loading, and its shard changing leaders.
void session_subscription::lost() {
  if (state_ == state::listening) {
    calls_before_ = context_.last_token;
    calls_first_until_ = context_.services.home.now() + calls_first_ms;
  }
  state_ = state::asking;
  token_ = 0;
  held_.clear(); // the next actor tells it again
  if (context_.services.home.now() - listening_since_ >= steady_ms) {
    pause_.reset();
  }
  ask_later();
}

void session_subscription::ask_later() { ask_at_ = context_.services.home.now() + pause_.next(); }

bool session_subscription::login_ended(user_id user, authorization_id authorization) {
  if (user != user_ || authorization != authorization_) {
    return false;
  }
  fall_silent();
  user_ = {};
  authorization_ = {};
  told_.clear();
  return true;
}

void session_subscription::leave() {
  if (state_ != state::silent && user_ != user_id{}) {
    command::UserCommand what;
    what.mutable_unsubscribe()->set_instance(instance_);
    cluster::entity_request_ptr request =
      context_.request(user_entity(user_), cluster::request_type::command, what.SerializeAsString());
    request->from.user = user_;
    request->from.authorization = authorization_;
    request->reply_to = nullptr;
    context_.services.router.send(std::move(request));
  }
  fall_silent();
}

void session_subscription::fall_silent() {
  state_ = state::silent;
  ask_at_ = 0;
  held_.clear();
  loss_ = loss::none;
}

/// Whoever carried them out tells of it by their answers, and by those alone if they come first: what is told anew is
/// the same, and would be told twice.
bool session_subscription::calls_come_first(cluster::monotonic_ms now) const {
  const std::uint64_t oldest = context_.oldest_call();
  return oldest != 0 && oldest <= calls_before_ && now < calls_first_until_;
}

std::optional<cluster::monotonic_ms> session_subscription::due() const {
  std::optional<cluster::monotonic_ms> at;
  if (ask_at_ != 0 && !context_.links.empty()) {
    const bool waits = calls_come_first(context_.services.home.now());
    at = waits ? std::max(ask_at_, calls_first_until_) : ask_at_;
  }
  if (!held_.empty()) {
    at = at ? std::min(*at, held_.front().until) : held_.front().until;
  }
  return at;
}

void session_subscription::ask_if_due(cluster::monotonic_ms now) {
  if (ask_at_ == 0 || now < ask_at_ || context_.links.empty() || calls_come_first(now)) {
    return;
  }
  if (now - client_spoke_at_ <= client_heard_ms) {
    ask();
  } else {
    client_quiet_ = true;
    ask_at_ = 0;
    token_ = 0; // of a question that failed
  }
}

void session_subscription::go_on() {
  tell_of_loss();
  settle_held();
  if (calls_before_ != 0) {
    ask_if_due(context_.services.home.now());
  }
}

void session_subscription::tick() {
  ask_if_due(context_.services.home.now());
  if (context_.machine.take_pushes_lost()) {
    loss_ = loss::owed; // also if it was told of another one: that may be among them
  }
}

} // namespace godwit::actors
