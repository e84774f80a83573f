#include "actors/session/session_flows.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include <caf/send.hpp>

#include "actors/auth/auth_keys.hpp"
#include "actors/base/retry_pause.hpp"
#include "actors/session/session_messages.hpp"
#include "cluster/base/home_loop.hpp"
#include "cluster/shard/router.hpp"
#include "config/limits.hpp"

namespace godwit::actors {

struct session_flows::flow {
  open_call call;
  /// Made when its turn comes, with what is true then.
  std::string body;
  mtproto::connection_id connection;
  layer_t layer = 0;
  bool destroys_key = false;
  bool dropped = false;

  std::optional<account::account_flow> steps;
  std::uint64_t token = 0;      ///< of ours, under which the flow's request is under way
  std::uint64_t flow_token = 0; ///< the flow's own
  std::optional<account::flow_request> again;
  /// When that, or the key, is asked for again; 0: an answer is awaited.
  cluster::monotonic_ms again_at = 0;
  cluster::monotonic_ms give_up_at = 0;
  retry_pause pause;
  /// Waits until what is known of the key is as the flow left it.
  std::optional<rpc_result<std::string>> answer_when_known;
};

session_flows::session_flows(session_context& context) : context_(context) {}

session_flows::~session_flows() = default;

account::flow_context session_flows::context_of(const flow& of) const {
  const known_key& key = *context_.key;
  const known_key* const owner = key.permanent();
  account::flow_context made;
  made.used_key = key.id;
  made.temporary = key.is_temporary();
  made.used_key_expires_at = key.expires_at;
  made.session = context_.id.session;
  made.message = of.call.id;
  made.layer = context_.layer(of.layer);
  made.now = context_.services.home.date();
  const mtproto::client_info* client = context_.machine.client().get();
  if (owner != nullptr) {
    made.key = owner->id;
    made.user = owner->user;
    made.authorization = owner->authorization;
    client = client != nullptr ? client : owner->client.get();
  }
  if (client != nullptr) {
    made.device = {client->api_id,           client->device_model, client->system_version, client->app_version,
                   client->system_lang_code, client->lang_pack,    client->lang_code};
  }
  if (const connection_link* const link = context_.link(of.connection)) {
    made.address = link->address_text();
  }
  return made;
}

void session_flows::begin(const open_call& call, const mtproto::call& what) {
  if (waiting_.size() >= limits::flows_waiting_max) {
    return finish_call(context_, call, unexpected(rpc_error(rpc_errc::flood_wait, 1)));
  }
  auto made = std::make_unique<flow>();
  made->call = call;
  made->body = what.body.text();
  made->connection = what.connection;
  made->layer = what.layer;
  add(std::move(made));
}

void session_flows::begin_destroy_key(const mtproto::session_event& what) {
  if (waiting_.size() >= limits::flows_waiting_max) {
    return context_.machine.answer_destroy_auth_key(what.connection, mtproto::destroy_result::fail);
  }
  auto made = std::make_unique<flow>();
  made->call.id = what.id;
  made->connection = what.connection;
  made->destroys_key = true;
  add(std::move(made));
}

void session_flows::add(std::unique_ptr<flow> what) {
  what->give_up_at = context_.services.home.now() + limits::call_retry_ms;
  waiting_.push_back(std::move(what));
  next();
}

void session_flows::next() {
  while (current_ == nullptr && !waiting_.empty()) {
    current_ = std::move(waiting_.front());
    waiting_.erase(waiting_.begin());
    flow& now = *current_;
    if (context_.services.home.now() >= now.give_up_at) {
      give_up();
      continue;
    }
    account::flow_context with = context_of(now);
    if (now.destroys_key) {
      now.steps = account::account_flow::destroy_key(context_.services.accounts, std::move(with));
    } else {
      now.steps.emplace(context_.services.accounts, std::move(with), std::move(now.body));
    }
    step(now.steps->start());
  }
}

void session_flows::step(account::flow_step what) {
  if (auto* const finished = std::get_if<account::flow_done>(&what)) {
    return done(*finished);
  }
  auto& wanted = std::get<account::flow_request>(what);
  const cluster::monotonic_ms now = context_.services.home.now();
  if (!wanted.again) {
    current_->pause = retry_pause(context_.id.hash());
    return send(wanted);
  }
  if (now >= current_->give_up_at) {
    return give_up();
  }
  context_.services.probe.calls_repeated.add();
  current_->again_at = now + current_->pause.next();
  current_->token = 0;
  current_->again = std::move(wanted);
}

void session_flows::send(const account::flow_request& what) {
  cluster::entity_request_ptr request = context_.request(what.to, cluster::request_type::command, what.body);
  request->from = what.from;
  current_->token = request->token;
  current_->flow_token = what.token;
  context_.services.router.send(std::move(request));
}

bool session_flows::replied(const cluster::entity_reply& reply) {
  if (current_ == nullptr || current_->token == 0 || reply.token != current_->token) {
    return false;
  }
  cluster::entity_reply own = reply;
  own.token = current_->flow_token;
  current_->token = 0;
  if (auto what = current_->steps->reply(own)) {
    step(std::move(*what));
    next();
  }
  return true;
}

void session_flows::done(account::flow_done& what) {
  known_key* const owner = context_.key->permanent();
  if (const auto* const login = std::get_if<account::login_changed>(&what.change);
      login != nullptr && owner != nullptr) {
    owner->user = login->user;
    owner->authorization = login->authorization;
  }
  if (std::holds_alternative<account::temp_key_bound>(what.change)) {
    // The client's next call needs the permanent key: answer when it is known here.
    current_->answer_when_known = std::move(what.answer);
    return refresh_key();
  }
  answer(std::move(what.answer));
}

void session_flows::refresh_key() {
  current_->again_at = 0;
  context_.services.keys.refresh(context_.key->id, [self = context_.self](key_answer found, const known_key_ptr&) {
    caf::anon_send(self, actors::key_refreshed{.answer = found, .for_flow = true});
  });
}

void session_flows::key_refreshed(key_answer answer_of_key) {
  if (current_ == nullptr || !current_->answer_when_known) {
    return;
  }
  const cluster::monotonic_ms now = context_.services.home.now();
  if (answer_of_key == key_answer::unavailable && now < current_->give_up_at) {
    current_->again_at = now + current_->pause.next();
    return;
  }
  answer(std::move(*current_->answer_when_known));
  next();
}

void session_flows::answer(rpc_result<std::string> what) {
  const std::unique_ptr<flow> finished = std::move(current_);
  if (finished->destroys_key) {
    const bool good = what.has_value();
    const bool existed = good && !what->empty();
    context_.machine.answer_destroy_auth_key(finished->connection, !good     ? mtproto::destroy_result::fail
                                                                   : existed ? mtproto::destroy_result::ok
                                                                             : mtproto::destroy_result::none);
    destroyed_ = good;
  } else if (finished->dropped) {
    drop_call(context_, finished->call);
  } else {
    finish_call(context_, finished->call, std::move(what));
  }
}

/// What is under way may still happen, and is repeated with the call; its answer finds nobody.
void session_flows::give_up() {
  answer(current_->answer_when_known.value_or(unexpected(rpc_error(rpc_errc::rpc_call_fail))));
}

void session_flows::dropped(msg_id call) {
  if (current_ != nullptr && current_->call.id == call) {
    current_->dropped = true;
    return;
  }
  const auto at =
    std::find_if(waiting_.begin(), waiting_.end(), [&](const auto& each) { return each->call.id == call; });
  if (at != waiting_.end()) {
    drop_call(context_, (*at)->call);
    waiting_.erase(at);
  }
}

void session_flows::tick() {
  const cluster::monotonic_ms now = context_.services.home.now();
  if (current_ != nullptr && now >= current_->give_up_at) {
    give_up();
    return next();
  }
  if (current_ == nullptr || current_->again_at == 0 || now < current_->again_at) {
    return;
  }
  if (current_->answer_when_known) {
    refresh_key();
  } else if (current_->again) {
    current_->again_at = 0;
    send(*std::exchange(current_->again, std::nullopt));
  }
}

std::optional<cluster::monotonic_ms> session_flows::due() const {
  if (current_ == nullptr) {
    return std::nullopt;
  }
  return current_->again_at != 0 ? std::min(current_->again_at, current_->give_up_at) : current_->give_up_at;
}

bool session_flows::take_destroyed() { return std::exchange(destroyed_, false); }

} // namespace godwit::actors
