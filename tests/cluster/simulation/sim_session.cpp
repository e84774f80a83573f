#include "tests/cluster/simulation/sim_session.hpp"

#include <caf/actor_cast.hpp>

#include <algorithm>
#include <utility>

#include "actors/commands/account_commands.pb.h"
#include "actors/entity/entity_logic.hpp"
#include "cluster/base/home_loop.hpp"

namespace godwit::cluster_sim {

using cluster::entity_push;
using cluster::entity_reply;
using cluster::monotonic_ms;
using cluster::reply_status;

namespace {

constexpr monotonic_ms call_max_ms = 15'000;
constexpr monotonic_ms pause_min_ms = 50;
constexpr monotonic_ms pause_max_ms = 1000;
/// Tokens of subscriptions are above those of calls.
constexpr std::uint64_t first_subscription = std::uint64_t{1} << 32;

} // namespace

sim_session::sim_session(caf::actor_config& config, cluster::home_loop& home, setup with)
    : cluster::pinned_actor(config, home), with_(std::move(with)), timer_([this] { tick(); }) {}

caf::behavior sim_session::make_behavior() {
  ask();
  return {
    [this](session_call& what) {
      if (what.body.empty()) {
        with_.tell({session_news::kind::answer, what.token, {}});
        return;
      }
      call& made = calls_[what.token];
      made = {std::move(what.body), home().now() + call_max_ms, false};
      send(what.token, made);
    },
    [this](const entity_reply& what) { replied(what); },
    [this](const entity_push& what) { pushed(what); },
  };
}

void sim_session::on_exit() {
  home().disarm(timer_);
  cluster::pinned_actor::on_exit();
}

cluster::entity_request_ptr sim_session::request(cluster::request_type type, std::string body, std::uint64_t token) {
  auto made = caf::make_counted<cluster::entity_request>();
  made->to = {cluster::entity_kind::user, cluster::entity_id(static_cast<std::uint64_t>(with_.who.user.value()))};
  made->type = type;
  made->from = with_.who;
  made->body = std::move(body);
  made->reply_to = caf::actor_cast<caf::actor>(this);
  made->token = token;
  return made;
}

// --- calls --------------------------------------------------------------------------------------------

void sim_session::send(std::uint64_t token, const call& what) {
  with_.router->send(request(cluster::request_type::call, what.body, token));
}

void sim_session::replied(const entity_reply& what) {
  if (what.token >= first_subscription) {
    return subscribed(what);
  }
  const auto found = calls_.find(what.token);
  if (found == calls_.end()) {
    return;
  }
  const bool away = what.status == reply_status::unavailable || what.status == reply_status::moved;
  if (away && home().now() < found->second.until) {
    found->second.again = true;
    return later();
  }
  calls_.erase(found);
  if (what.status == reply_status::ok) {
    pause_ = pause_min_ms;
    answered(what);
    with_.tell({session_news::kind::answer, what.token, what.body});
  } else {
    with_.tell({session_news::kind::refusal, what.token, away ? "500 RPC_CALL_FAIL" : text_of(what.error)});
  }
}

void sim_session::later() {
  if (!timer_.armed()) {
    home().arm(timer_, home().now() + pause_);
    pause_ = std::min(pause_ * 2, pause_max_ms);
  }
}

void sim_session::tick() {
  for (auto& [token, each] : calls_) {
    if (std::exchange(each.again, false)) {
      send(token, each);
    }
  }
  if (ask_at_ != 0 && home().now() >= ask_at_) {
    ask();
  } else if (ask_at_ != 0) {
    later();
  }
}

// --- the account's updates ----------------------------------------------------------------------------

void sim_session::ask() {
  command::UserCommand what;
  what.mutable_subscribe()->set_layer(with_.who.layer);
  what.mutable_subscribe()->set_pts(told_.reached());
  what.mutable_subscribe()->set_instance(with_.instance);
  what.mutable_subscribe()->set_attempt(tokens_);
  asked_pts_ = told_.reached();
  subscription_ = first_subscription + ++tokens_;
  listening_ = false;
  ask_at_ = 0;
  with_.trace("subscribes as " + std::to_string(tokens_) + " from pts " + std::to_string(told_.reached()));
  auto made = request(cluster::request_type::command, what.SerializeAsString(), subscription_);
  made->listens = true;
  with_.router->send(std::move(made));
}

void sim_session::subscribed(const entity_reply& what) {
  if (what.token != subscription_ || listening_) {
    return;
  }
  with_.trace("is answered " + std::to_string(tokens_) + ", status " + std::to_string(static_cast<int>(what.status)) +
              ", term " + std::to_string(what.term));
  command::Subscribed said;
  if (what.status != reply_status::ok) {
    return lost();
  }
  listening_ = true;
  term_ = what.term;
  if (!said.ParseFromString(what.body) || asked_pts_ != 0) {
    return;
  }
  if (told_.reached() == 0) {
    told_.reach(said.pts());
  } else if (told_.reached() < said.pts()) {
    ask(); // an answer brought the client somewhere before the account began to tell
  }
}

void sim_session::answered(const entity_reply& what) {
  if (what.pts == 0) {
    return;
  }
  if (listening_ && what.term > term_) {
    lost();
  }
  if (told_.reached() == 0) {
    told_.reach(what.pts);
  } else if (what.pts_count > 0) {
    told_.add(what.pts - what.pts_count, what.pts);
  }
}

void sim_session::pushed(const entity_push& what) {
  switch (what.kind) {
  case cluster::push_kind::gone:
    with_.trace("loses " + std::to_string(what.subscription - first_subscription) + ", why " +
                std::to_string(what.number));
    if (what.subscription == subscription_ && what.number != entity::listener_forgotten) {
      lost();
    }
    break;
  case cluster::push_kind::update:
    if (what.body != nullptr && brings_news(what)) {
      with_.tell({session_news::kind::update, 0, *what.body});
    }
    break;
  case cluster::push_kind::ended: with_.tell({session_news::kind::refusal, 0, "the login ended"}); break;
  }
}

bool sim_session::brings_news(const entity_push& what) {
  if (what.pts == 0) {
    return true;
  }
  const std::int32_t from = what.pts - what.pts_count;
  if (told_.knows(from, what.pts)) {
    return false;
  }
  const bool gap = told_.reached() == 0 || from > told_.reached();
  if (gap && what.subscription != subscription_) {
    return false;
  }
  if (gap && told_.reached() != 0 && !listening_) {
    told_.add(from, what.pts);
  } else {
    told_.reach(what.pts);
  }
  return true;
}

void sim_session::lost() {
  listening_ = false;
  subscription_ = 0;
  ask_at_ = home().now() + pause_;
  later();
}

} // namespace godwit::cluster_sim
