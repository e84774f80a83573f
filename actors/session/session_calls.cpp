#include "actors/session/session_calls.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "actors/account/account_options.hpp"
#include "actors/account/method_scope.hpp"
#include "actors/account/static_calls.hpp"
#include "actors/auth/auth_keys.hpp"
#include "cluster/base/home_loop.hpp"
#include "cluster/shard/router.hpp"
#include "protocol/tl/methods.hpp"
#include "protocol/tl/reader.hpp"

namespace godwit::actors {
namespace {

constexpr std::string_view bind_temp_key = "auth.bindTempAuthKey";
constexpr std::string_view sign_in = "auth.signIn";

/// The DC that `config.this_dc` tells: the dialled one without what marks it as one for media or tests.
std::int32_t plain_dc(std::optional<std::int32_t> dialled) {
  const std::int32_t dc = std::abs(dialled.value_or(0) % 10'000);
  return dc >= 1 && dc <= account::dc_count ? dc : account::static_context{}.dc;
}

auto as_tuple(const mtproto::client_info& of) {
  return std::tie(of.api_id, of.device_model, of.system_version, of.app_version, of.system_lang_code, of.lang_pack,
                  of.lang_code);
}

bool is_about_files(std::string_view method) { return method.starts_with("upload."); }

} // namespace

session_calls::session_calls(session_context& context, session_subscription& subscription)
    : context_(context), subscription_(subscription), flows_(context) {
  context_.oldest_call = [this] { return running_.empty() ? 0 : running_.begin()->first; };
}

// --- the way of a call ----------------------------------------------------------------------------

void session_calls::begin(mtproto::call what) {
  open_call call;
  call.id = what.id;
  call.began = std::chrono::steady_clock::now();
  call.method = context_.services.probe.methods();
  if (const tl::method_info* const method = tl::find_method(tl::reader(what.body.bytes()).peek_id())) {
    call.method = method->index;
    route(call, std::move(what), context_.services.home.now() + limits::call_retry_ms, certainty::unsure);
  } else {
    finish_call(context_, call, unexpected(rpc_error(rpc_errc::method_invalid)));
  }
}

void session_calls::route(const open_call& call, mtproto::call what, cluster::monotonic_ms give_up_at,
                          certainty known) {
  const std::uint32_t constructor = tl::reader(what.body.bytes()).peek_id();
  const tl::method_info& method = *tl::find_method(constructor);
  const account::method_scope scope = account::scope_of(constructor);
  if (scope == account::method_scope::unknown) {
    return finish_call(context_, call, unexpected(rpc_error(rpc_errc::method_invalid)));
  }
  const bool needs_login = scope == account::method_scope::user || scope == account::method_scope::static_needs_login;
  rpc_errc why{};
  switch (check(method, needs_login, context_.layer(what.layer), known, why)) {
  case leave::granted: break;
  case leave::refused: return finish_call(context_, call, unexpected(rpc_error(why)));
  case leave::wait: return wait(call, std::move(what), give_up_at);
  }
  if (const auto flood = over_limit(method, what.connection)) {
    return finish_call(context_, call, unexpected(*flood));
  }
  note_client(what.layer);
  wants_updates_ = wants_updates_ || (!what.without_updates && !is_about_files(method.name));
  switch (scope) {
  case account::method_scope::anonymous_static:
  case account::method_scope::static_needs_login: return answer_static(call, what);
  case account::method_scope::auth_flow: return flows_.begin(call, what);
  default: break;
  }
  running_call made;
  made.call = call;
  made.give_up_at = give_up_at;
  ask_user(std::move(made), std::string(what.body.text()), what.layer);
}

session_calls::leave session_calls::check(const tl::method_info& method, bool needs_login, layer_t layer,
                                          certainty known, rpc_errc& why) const {
  const bool wait = flows_.running() || known == certainty::unsure;
  if (method.name == bind_temp_key) {
    return leave::granted;
  }
  const known_key* const owner = context_.key->permanent();
  if (owner == nullptr) {
    // A key that is being bound, or was bound by another session of it, is as good as bound.
    why = rpc_errc::auth_key_perm_empty;
    return wait ? leave::wait : leave::refused;
  }
  if (layer == 0) {
    why = rpc_errc::connection_not_inited;
    return leave::refused;
  }
  if (layer < layer_min) {
    why = rpc_errc::connection_layer_invalid;
    return leave::refused;
  }
  if (needs_login && owner->user == user_id{}) {
    why = rpc_errc::auth_key_unregistered;
    return wait ? leave::wait : leave::refused;
  }
  return leave::granted;
}

std::optional<rpc_error> session_calls::over_limit(const tl::method_info& method, mtproto::connection_id connection) {
  call_limits& limits = context_.services.limits;
  const unix_ms now = static_cast<unix_ms>(context_.services.home.now());
  const known_key* const owner = context_.key->permanent();
  std::optional<std::int32_t> seconds = limits.by_session.take(context_.id.hash(), now);
  if (!seconds && owner != nullptr && owner->user != user_id{}) {
    seconds = limits.by_account.take(static_cast<std::uint64_t>(owner->user.value()), now);
  } else if (!seconds) {
    const connection_link* const link = context_.link(connection);
    if (link != nullptr && !link->address().loopback) {
      seconds = limits.by_address.take(account::rate_key(link->address().bytes), now);
    }
  }
  if (!seconds && owner != nullptr && method.name == sign_in) {
    seconds = limits.code_checks.take(owner->id.value(), now);
  }
  return seconds ? std::optional(rpc_error(rpc_errc::flood_wait, *seconds)) : std::nullopt;
}

void session_calls::answer_static(const open_call& call, const mtproto::call& what) {
  const cluster_address& told = context_.services.address;
  account::static_context with;
  with.layer = context_.layer(what.layer);
  with.date = context_.services.home.date();
  const known_key* const owner = context_.key->permanent();
  with.dc = plain_dc(context_.key->dc ? context_.key->dc : owner != nullptr ? owner->dc : std::nullopt);
  with.country = told.country;
  const connection_link* const link = context_.link(what.connection);
  const std::string own = told.address.empty() && link != nullptr ? link->dialled_address() : told.address;
  const auto up = told.nodes != nullptr ? told.nodes->get() : nullptr;
  with.addresses = account::addresses_for({own, told.port}, up != nullptr ? *up : account::public_addresses::list{},
                                          context_.id.hash());
  finish_call(context_, call, account::answer_static(what.body.text(), with));
}

void session_calls::subscribe() {
  const known_key* const owner = context_.key->permanent();
  const layer_t layer = context_.layer();
  if (wants_updates_ && owner != nullptr && layer >= layer_min) {
    subscription_.want(owner->user, owner->authorization, layer);
  }
}

void session_calls::ask_user(running_call made, std::string body, layer_t layer) {
  subscribe();
  const auto user = static_cast<std::uint64_t>(context_.key->permanent()->user.value());
  made.request = context_.request({cluster::entity_kind::user, cluster::entity_id(user)}, cluster::request_type::call,
                                  std::move(body), layer);
  made.request->from.message = made.call.id;
  made.pause = retry_pause(context_.id.hash());
  const cluster::entity_request_ptr request = made.request;
  // Two messages of a client must not change places.
  calls_ahead ahead;
  for (const auto& [token, earlier] : running_) {
    ahead.pass(earlier.request->to, earlier.way, earlier.again_at);
  }
  made.way = context_.services.router.way_to(request->to);
  made.again_at = ahead.turn(request->to, made.way);
  const bool waits = made.again_at != 0;
  holding_ = holding_ || made.again_at == calls_ahead::held;
  give_up_at_ = give_up_at_ == 0 ? made.give_up_at : std::min(give_up_at_, made.give_up_at);
  running_.emplace(request->token, std::move(made));
  context_.services.probe.calls_running.add(1);
  if (!waits) {
    context_.services.router.send(request);
  }
}

// --- answers --------------------------------------------------------------------------------------

bool session_calls::replied(cluster::entity_reply& reply) {
  if (flows_.replied(reply)) {
    flow_ended();
    return true;
  }
  const auto at = running_.find(reply.token);
  if (at == running_.end()) {
    return false;
  }
  running_call& mine = at->second;
  if (mine.again_at != 0 || (mine.in_doubt() && reply.status != cluster::reply_status::ok)) {
    return true;
  }
  const open_call call = mine.call;
  switch (reply.status) {
  case cluster::reply_status::ok:
    subscription_.answered(mine.request->from, reply);
    end(reply.token);
    finish_call(context_, call, std::move(reply.body));
    break;
  case cluster::reply_status::error:
    if (reply.error.errc == rpc_errc::auth_key_unregistered && mine.doubts == doubt::none) {
      mine.doubts = doubt::felt;
      refresh_key();
      break;
    }
    end(reply.token);
    finish_call(context_, call, unexpected(reply.error));
    break;
  case cluster::reply_status::unavailable:
  case cluster::reply_status::moved:
    ask_again(mine);
    if (context_.links.empty()) {
      fail_waiting();
    }
    break;
  }
  return true;
}

void session_calls::login_settled(running_call call) {
  known_key* const owner = context_.key->permanent();
  const authorization_id used = call.request->from.authorization;
  if (owner != nullptr && owner->user != user_id{} && owner->authorization != used) {
    call.doubts = doubt::settled;
    const cluster::entity_request_ptr before = call.request;
    return ask_user(std::move(call), before->body, before->from.layer);
  }
  if (owner != nullptr && owner->authorization == used) {
    // The account has the last word: this login is no more.
    owner->user = {};
    owner->authorization = {};
  }
  finish_call(context_, call.call, unexpected(rpc_error(rpc_errc::auth_key_unregistered)));
}

void session_calls::ask_again(running_call& call) {
  context_.services.probe.calls_repeated.add();
  call.again_at = context_.services.home.now() + call.pause.next();
}

void session_calls::end(std::uint64_t token) {
  if (running_.erase(token) != 0) {
    context_.services.probe.calls_running.add(-1);
  }
}

void session_calls::dropped(msg_id call) {
  flows_.dropped(call);
  const auto ran =
    std::find_if(running_.begin(), running_.end(), [&](const auto& each) { return each.second.call.id == call; });
  if (ran != running_.end()) {
    drop_call(context_, ran->second.call);
    end(ran->first);
  }
  const auto waited =
    std::find_if(waiting_.begin(), waiting_.end(), [&](const waiting_call& each) { return each.call.id == call; });
  if (waited != waiting_.end()) {
    drop_call(context_, waited->call);
    waiting_.erase(waited);
  }
}

void session_calls::login_ended(authorization_id which) {
  std::vector<running_call> ended;
  for (const auto& [token, each] : running_) {
    if (each.request->from.authorization == which) {
      ended.push_back(each);
    }
  }
  for (const running_call& each : ended) {
    end(each.request->token);
    finish_call(context_, each.call, unexpected(rpc_error(rpc_errc::auth_key_unregistered)));
  }
}

void session_calls::login_doubted(authorization_id which) {
  for (auto& [token, each] : running_) {
    if (each.request->from.authorization == which && each.doubts == doubt::none) {
      each.doubts = doubt::felt;
      each.again_at = 0;
    }
  }
  if (needs_key()) {
    refresh_key();
  }
}

// --- what the key may -----------------------------------------------------------------------------

void session_calls::wait(const open_call& call, mtproto::call what, cluster::monotonic_ms give_up_at) {
  if (waiting_.size() >= limits::calls_waiting_for_key_max) {
    return finish_call(context_, call, unexpected(rpc_error(rpc_errc::flood_wait, 1)));
  }
  waiting_.push_back({call, std::move(what), give_up_at});
  refresh_key();
}

bool session_calls::needs_key() const {
  return !waiting_.empty() ||
         std::any_of(running_.begin(), running_.end(), [](const auto& each) { return each.second.in_doubt(); });
}

void session_calls::refresh_key() {
  // While a flow runs nothing is certain; whoever came after the question was put waits for the next one.
  refresh_at_ = 0;
  if (flows_.running() || std::exchange(refreshing_, true)) {
    return;
  }
  for (waiting_call& each : waiting_) {
    each.asked = true;
  }
  for (auto& [token, each] : running_) {
    each.doubts = each.doubts == doubt::felt ? doubt::asked : each.doubts;
  }
  context_.services.keys.refresh(context_.key->id, [self = context_.self](key_answer found, const known_key_ptr&) {
    caf::anon_send(self, actors::key_refreshed{.answer = found, .for_flow = false});
  });
}

void session_calls::key_refreshed(const actors::key_refreshed& what) {
  if (what.for_flow) {
    flows_.key_refreshed(what.answer);
    return flow_ended();
  }
  refreshing_ = false;
  if (what.answer == key_answer::unavailable) {
    refresh_at_ = context_.services.home.now() + limits::ask_again_ms_max;
    return;
  }
  std::vector<running_call> settled;
  for (const auto& [token, each] : running_) {
    if (each.doubts == doubt::asked) {
      settled.push_back(each);
    }
  }
  for (running_call& each : settled) {
    end(each.request->token);
    login_settled(std::move(each));
  }
  std::vector<waiting_call> calls = std::exchange(waiting_, {});
  for (waiting_call& each : calls) {
    if (each.asked) {
      route(each.call, std::move(each.what), each.give_up_at, certainty::sure);
    } else {
      waiting_.push_back(std::move(each));
    }
  }
  if (needs_key()) {
    refresh_key();
  }
}

void session_calls::flow_ended() {
  if (flows_.running()) {
    return;
  }
  std::vector<waiting_call> calls = std::exchange(waiting_, {});
  for (waiting_call& each : calls) {
    route(each.call, std::move(each.what), each.give_up_at, certainty::unsure);
  }
  if (needs_key()) {
    refresh_key();
  }
}

void session_calls::note_client(layer_t layer_of_call) {
  const known_key_ptr owner = context_.key->is_temporary() ? context_.key->bound_to : context_.key;
  const auto& client = context_.machine.client();
  const layer_t layer = layer_of_call != 0 ? layer_of_call : context_.machine.layer();
  if (owner == nullptr || layer == 0 || (layer == noted_layer_ && client == noted_client_)) {
    return;
  }
  noted_layer_ = layer;
  noted_client_ = client;
  const bool same_client =
    client == nullptr || (owner->client != nullptr && as_tuple(*client) == as_tuple(*owner->client));
  if (owner->layer == layer && same_client) {
    return;
  }
  owner->layer = layer;
  owner->client = client != nullptr ? client : owner->client;
  context_.services.keys.note_client(owner);
}

} // namespace godwit::actors
