#include "tests/actors/support/world_router.hpp"

#include <caf/send.hpp>

#include <memory>

#include "actors/account/account_messages.hpp"

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
    const auto result = world.ask(request->to, request->type, request->from, body, request->reply_to != nullptr);
    if (result) {
      reply.body = *result;
    } else {
      reply.status = cluster::reply_status::error;
      reply.error = result.error();
    }
    if (is_command && what.has_subscribe() && result) {
      subscribed_with.push_back(pts);
      listeners_[request->from.user][{request->from.key, request->from.session}] = request->reply_to;
    } else if (is_command && what.has_unsubscribe()) {
      listeners_[request->from.user].erase({request->from.key, request->from.session});
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
      if (each.terminated != authorization_id{}) {
        caf::anon_send(at->second, account::session_terminated{user, each.terminated});
      } else {
        caf::anon_send(at->second, account::session_update{user, each.update, each.pts, each.pts_count});
      }
    }
  }
}

void world_router::lose_account(user_id user) {
  for (const auto& [who, session] : std::exchange(listeners_[user], {})) {
    caf::anon_send(session, account::account_gone{user});
  }
}

void world_router::push(user_id user, const std::string& body, std::int32_t pts) {
  const auto shared = std::make_shared<const std::string>(body);
  for (const auto& [who, session] : listeners_[user]) {
    caf::anon_send(session, account::session_update{user, shared, pts, pts != 0 ? 1 : 0});
  }
}

std::size_t world_router::listening(user_id user) const {
  const auto at = listeners_.find(user);
  return at == listeners_.end() ? 0 : at->second.size();
}

} // namespace godwit::test
