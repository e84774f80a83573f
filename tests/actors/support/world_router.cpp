#include "tests/actors/support/world_router.hpp"

#include <caf/send.hpp>

#include <memory>

#include "actors/entity/entity_logic.hpp"
#include "cluster/shard/entity_push.hpp"

namespace godwit::test {

void world_router::send(cluster::entity_request_ptr request) {
  if (fault) {
    fault();
  }
  home_.post([this, request = std::move(request)] {
    ++requests;
    if (hold && hold(*request)) {
      held_.push_back(request);
    } else {
      answer(request);
    }
  });
}

void world_router::release() {
  hold = nullptr;
  for (const auto& each : std::exchange(held_, {})) {
    answer(each);
  }
}

void world_router::answer(const cluster::entity_request_ptr& request) {
  cluster::entity_reply reply;
  reply.token = request->token;
  if (unavailable && unavailable(*request)) {
    reply.status = cluster::reply_status::unavailable;
  } else {
    world.now = home_.date();
    command::UserCommand what;
    const bool is_command = request->to.kind == cluster::entity_kind::user &&
                            request->type == cluster::request_type::command && what.ParseFromString(request->body);
    std::string body = request->body;
    const std::int32_t pts = what.subscribe().pts();
    if (is_command && what.has_subscribe()) {
      what.mutable_subscribe()->set_pts(0);
      body = what.SerializeAsString();
    }
    const auto result = world.ask(request->to, request->type, request->from, body, request->listens);
    if (result) {
      reply.body = *result;
    } else {
      reply.status = cluster::reply_status::error;
      reply.error = result.error();
    }
    if (is_command && what.has_subscribe() && result) {
      subscribed_with.push_back(pts);
      listeners_[request->from.user][{request->from.key, request->from.session}] = {request->reply_to, request->token,
                                                                                    what.subscribe().instance()};
    } else if (is_command && what.has_unsubscribe()) {
      std::erase_if(listeners_[request->from.user], [&](const auto& each) {
        return each.first == listener{request->from.key, request->from.session} &&
               each.second.instance == what.unsubscribe().instance();
      });
    }
  }
  if (change) {
    change(*request, reply);
  }
  if (request->reply_to) {
    caf::anon_send(request->reply_to, std::move(reply));
  }
  carry_messages();
}

void world_router::carry_messages() {
  for (const auto& each : std::exchange(world.messages, {})) {
    for (const auto& [user, sessions] : listeners_) {
      const auto at = sessions.find({each.to.key, each.to.session});
      if (at == sessions.end()) {
        continue;
      }
      const bool ended = each.terminated != authorization_id{};
      cluster::entity_push what;
      what.kind = ended ? cluster::push_kind::ended : cluster::push_kind::update;
      what.body = each.update;
      what.pts = each.pts;
      what.pts_count = each.pts_count;
      what.number = each.terminated.value();
      tell(user, at->second, std::move(what));
    }
  }
}

void world_router::tell(user_id user, const ear& whom, cluster::entity_push what) {
  what.from = {cluster::entity_kind::user, cluster::entity_id(static_cast<std::uint64_t>(user.value()))};
  what.subscription = whom.subscription;
  caf::anon_send(whom.session, std::move(what));
}

void world_router::lose_account(user_id user) {
  for (const auto& [who, session] : std::exchange(listeners_[user], {})) {
    cluster::entity_push what;
    what.kind = cluster::push_kind::gone;
    tell(user, session, std::move(what));
  }
}

void world_router::push(user_id user, const std::string& body, std::int32_t pts) {
  cluster::entity_push what;
  what.body = std::make_shared<const std::string>(body);
  what.pts = pts;
  what.pts_count = pts != 0 ? 1 : 0;
  for (const auto& [who, session] : listeners_[user]) {
    tell(user, session, what);
  }
}

void world_router::tell(user_id user, const cluster::entity_push& what, std::uint64_t subscriptions_ago) {
  for (const auto& [who, session] : listeners_[user]) {
    ear of_then = session;
    of_then.subscription -= subscriptions_ago;
    tell(user, of_then, what);
  }
}

void world_router::replace_listeners(user_id user) {
  cluster::entity_push what;
  what.kind = cluster::push_kind::gone;
  what.number = entity::listener_replaced;
  tell(user, what);
  listeners_[user].clear();
}

std::size_t world_router::listening(user_id user) const {
  const auto at = listeners_.find(user);
  return at == listeners_.end() ? 0 : at->second.size();
}

} // namespace godwit::test
