#include "actors/session/session_subscription.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "actors/account/account_commands.pb.h"
#include "cluster/base/home_loop.hpp"
#include "cluster/shard/router.hpp"

namespace godwit::actors {
namespace {

/// updatesTooLong#e317af7e, the same in all layers: "come for the difference".
const std::string updates_too_long("\x7e\xaf\x17\xe3", 4);

cluster::entity_ref user_entity(user_id user) {
  return {cluster::entity_kind::user, cluster::entity_id(static_cast<std::uint64_t>(user.value()))};
}

} // namespace

void session_subscription::want(user_id user, authorization_id authorization, layer_t layer) {
  if (user == user_ && authorization == authorization_ && layer == layer_) {
    return;
  }
  if (user != user_ || authorization != authorization_) {
    leave();
    had_gap_ = false;
    heard_ = false;
  }
  user_ = user;
  authorization_ = authorization;
  layer_ = layer;
  if (user_ != user_id{}) {
    pause_ms_ = limits::ask_again_ms;
    ask();
  }
}

void session_subscription::ask() {
  account::command::UserCommand what;
  what.mutable_subscribe()->set_layer(layer_);
  cluster::entity_request_ptr request =
    context_.request(user_entity(user_), cluster::request_type::command, what.SerializeAsString());
  token_ = request->token;
  state_ = state::asking;
  ask_at_ = 0;
  context_.services.router.send(std::move(request));
}

bool session_subscription::replied(const cluster::entity_reply& reply, authorization_id& ended) {
  if (state_ != state::asking || reply.token != token_) {
    return false;
  }
  account::command::Subscribed subscribed;
  switch (reply.status) {
  case cluster::reply_status::unavailable:
    ask_at_ = context_.services.home.now() + pause_ms_;
    pause_ms_ = std::min(pause_ms_ * 2, limits::ask_again_ms_max);
    break;
  case cluster::reply_status::error:
    state_ = state::silent;
    if (reply.error.errc == rpc_errc::auth_key_unregistered) {
      ended = authorization_;
    }
    break;
  case cluster::reply_status::ok:
    state_ = state::listening;
    pause_ms_ = limits::ask_again_ms;
    if (!subscribed.ParseFromString(reply.body)) {
      subscribed.Clear();
    }
    // Nothing was missed only if nothing happened since the last time this was known for certain.
    if (had_gap_ && (heard_ || subscribed.pts() != pts_)) {
      tell_too_long();
    }
    had_gap_ = false;
    heard_ = false;
    pts_ = subscribed.pts();
    break;
  }
  return true;
}

void session_subscription::update(const account::session_update& what) {
  if (state_ == state::silent || what.body == nullptr) {
    return;
  }
  heard_ = true;
  context_.services.probe.pushes.add();
  const unix_ms now = context_.services.home.wall();
  if (context_.machine.push(mtproto::payload(*what.body), now) == mtproto::push_result::queued) {
    told_too_long_ = false;
  } else if (!std::exchange(told_too_long_, true)) {
    tell_too_long();
  }
}

void session_subscription::tell_too_long() {
  context_.services.probe.pushes_lost.add();
  context_.machine.push(mtproto::payload(updates_too_long), context_.services.home.wall(), true);
}

void session_subscription::lost(user_id user) {
  if (user != user_ || state_ == state::silent) {
    return;
  }
  had_gap_ = true;
  // Not at once: its next actor may just be loading, and its shard changing leaders.
  state_ = state::asking;
  token_ = 0;
  ask_at_ = context_.services.home.now() + limits::ask_again_ms;
}

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
    account::command::UserCommand what;
    what.mutable_unsubscribe();
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
  if (ask_at_ != 0 && context_.services.home.now() >= ask_at_) {
    ask();
  }
  if (context_.machine.take_pushes_lost()) {
    tell_too_long();
  }
}

} // namespace godwit::actors
