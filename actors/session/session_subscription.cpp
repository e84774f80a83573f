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

/// Answers that are remembered while pushes before them are on their way.
constexpr std::size_t answered_ahead_max = 64;
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
    told_pts_ = 0;
    answered_ahead_.clear();
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
  what.mutable_subscribe()->set_pts(told_pts_);
  what.mutable_subscribe()->set_instance(instance_);
  what.mutable_subscribe()->set_attempt(++attempt_);
  asked_pts_ = told_pts_;
  cluster::entity_request_ptr request =
    context_.request(user_entity(user_), cluster::request_type::command, what.SerializeAsString());
  request->listens = true;
  token_ = request->token;
  state_ = state::asking;
  ask_at_ = 0;
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
    state_ = state::silent;
    if (reply.error.errc == rpc_errc::auth_key_unregistered) {
      ended = authorization_;
    }
    break;
  case cluster::reply_status::ok:
    state_ = state::listening;
    listening_since_ = context_.services.home.now();
    term_ = reply.term;
    if (what.ParseFromString(reply.body)) {
      subscribed(what.pts());
    }
    break;
  }
  return true;
}

void session_subscription::subscribed(std::int32_t pts) {
  replayed_to_ = 0;
  if (asked_pts_ != 0) {
    replayed_to_ = pts;
    return;
  }
  if (told_pts_ == 0) {
    told_pts_ = pts;
  } else if (told_pts_ < pts) {
    // An answer brought the client somewhere before the account began to tell.
    ask();
  }
}

void session_subscription::answered(const cluster::caller& who, const cluster::entity_reply& reply) {
  const std::int32_t pts = reply.pts;
  if (state_ == state::silent || pts == 0 || who.user != user_ || who.authorization != authorization_) {
    return;
  }
  told_too_long_ = false; // it may have come for what it lost, and does not know of what is lost next
  if (state_ == state::listening && reply.term > term_) {
    // Another node leads the account, and nobody said so yet: what that one tells, this session does not hear.
    lost();
  }
  // While the account does not tell, or tells what was missed, an answer may stand behind updates that are yet to
  // come. The client is told from where it was before; that it hears of one change twice does no harm.
  // So is it with an answer that comes from another node by a way of its own, before a push that was on its way first: it
  // counts when everything before it was told.
  if (told_pts_ == 0) {
    told_pts_ = pts;
  } else if (state_ != state::listening || told_pts_ < replayed_to_ || pts <= told_pts_) {
    return;
  } else if (pts == told_pts_ + 1) {
    told_pts_ = pts;
    join_answered();
  } else {
    if (answered_ahead_.size() >= answered_ahead_max) {
      answered_ahead_.erase(answered_ahead_.begin());
    }
    answered_ahead_.insert(pts);
  }
}

void session_subscription::update(const cluster::entity_push& what) {
  if (state_ == state::silent || what.from != user_entity(user_) || what.body == nullptr || !brings_news(what)) {
    return;
  }
  context_.services.probe.pushes.add();
  const unix_ms now = context_.services.home.wall();
  if (has_room_for(what.body->size()) &&
      context_.machine.push(mtproto::payload(what.body), now) == mtproto::push_result::queued) {
    told_too_long_ = false;
  } else if (!told_too_long_) {
    told_too_long_ = tell_too_long();
  }
}

bool session_subscription::has_room_for(std::size_t bytes) const {
  // A client that is away comes back for a few messages, and asks for many.
  return !context_.links.empty() || (context_.machine.kept_pushes() < limits::lingering_pushes_max &&
                                     context_.machine.kept_push_bytes() + bytes <= limits::lingering_pushes_bytes_max);
}

bool session_subscription::tell_too_long() {
  context_.services.probe.pushes_lost.add();
  return context_.machine.push(mtproto::payload(updates_too_long), context_.services.home.wall(), true) ==
         mtproto::push_result::queued;
}

/// Whether the client has to hear it, as far as positions tell; and where that brings it.
/// Answers that came before pushes of lower positions count once those are told.
void session_subscription::join_answered() {
  while (!answered_ahead_.empty() && *answered_ahead_.begin() <= told_pts_ + 1) {
    told_pts_ = std::max(told_pts_, *answered_ahead_.begin());
    answered_ahead_.erase(answered_ahead_.begin());
  }
}

bool session_subscription::brings_news(const cluster::entity_push& what) {
  if (what.pts == 0) {
    return true;
  }
  if (what.pts <= told_pts_) {
    return false;
  }
  const bool gap = told_pts_ == 0 || what.pts - what.pts_count > told_pts_;
  if (what.subscription != token_) {
    // An actor that the account had before, on another node: what it says, and whatever lies between, the present one
    // tells as well.
    told_pts_ = gap ? told_pts_ : what.pts;
    return !gap;
  }
  if (!gap || told_pts_ == 0 || state_ == state::listening) {
    told_pts_ = what.pts;
    join_answered();
  }
  return true;
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
  state_ = state::asking;
  token_ = 0;
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
  state_ = state::silent;
  ask_at_ = 0;
  user_ = {};
  authorization_ = {};
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
  state_ = state::silent;
  ask_at_ = 0;
}

void session_subscription::tick() {
  const cluster::monotonic_ms now = context_.services.home.now();
  if (const auto at = due(); at && now >= *at) {
    if (now - client_spoke_at_ <= client_heard_ms) {
      ask();
    } else {
      client_quiet_ = true;
      ask_at_ = 0;
      token_ = 0; // of a question that failed
    }
  }
  if (context_.machine.take_pushes_lost()) {
    tell_too_long();
  }
}

} // namespace godwit::actors
