#include <algorithm>

#include "actors/account/access_hash.hpp"
#include "actors/account/empty_answers.hpp"
#include "actors/account/user_logic.hpp"
#include "actors/account/user_views.hpp"
#include "config/limits.hpp"
#include "protocol/tl/api/account.hpp"
#include "protocol/tl/api/account_fn.hpp"
#include "protocol/tl/api/auth_fn.hpp"
#include "protocol/tl/api/contacts_fn.hpp"
#include "protocol/tl/api/dialog.hpp"
#include "protocol/tl/api/dialog_fn.hpp"
#include "protocol/tl/api/notify.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/updates.hpp"
#include "protocol/tl/api/updates_fn.hpp"
#include "protocol/tl/api/user.hpp"
#include "protocol/tl/api/user_full.hpp"
#include "protocol/tl/api/users.hpp"
#include "protocol/tl/api/users_fn.hpp"
#include "protocol/tl/methods.hpp"

namespace godwit::account {
namespace {

/// How long a client that said it is online is believed; it repeats that more often.
constexpr unix_time online_seconds = 300;

rpc_result<std::string> refused(rpc_errc why) { return unexpected(rpc_error{why}); }

rpc_result<std::string> boolean(bool value) {
  std::string bytes;
  tl::writer(bytes).write_bool(value);
  return bytes;
}

} // namespace

void user_logic::call(const logic_request& request, unix_time now, entity_effects& out) {
  const cluster::caller& from = request.from;
  if (!profile_ || logins_.active(from.authorization, from.key) == nullptr) {
    unbind_stray_key(request, out);
    out.answer(request.ticket, refused(rpc_errc::auth_key_unregistered));
    return;
  }
  logins_.touch(from.authorization, now, out);
  tl::reader in(request.body);
  const auto what = tl::fetch_function(in);
  if (!what) {
    const bool unknown = tl::find_method(tl::reader(request.body).peek_id()) == nullptr;
    out.answer(request.ticket, refused(unknown ? rpc_errc::method_invalid : rpc_errc::input_request_invalid));
    return;
  }
  if (auto result = run_call(request, **what, now, out)) {
    out.answer(request.ticket, std::move(*result));
  }
}

/// Nothing: the answer comes later.
std::optional<user_logic::answer> user_logic::run_call(const logic_request& request, const tl::fn::function& what,
                                                       unix_time now, entity_effects& out) {
  namespace fn = tl::fn;
  const layer_t layer = request.from.layer;
  if (tl::as<fn::updates_getState>(&what) != nullptr) {
    return state(layer, now);
  }
  if (const auto* call = tl::as<fn::updates_getDifference>(&what)) {
    return difference(call->pts, layer, now);
  }
  if (const auto* call = tl::as<fn::users_getUsers>(&what)) {
    std::vector<const tl::InputUser*> ids;
    for (const auto& each : call->id) {
      ids.push_back(each.get());
    }
    return get_users(request, ids, false, now, out);
  }
  if (const auto* call = tl::as<fn::users_getFullUser>(&what)) {
    return get_users(request, {call->id.get()}, true, now, out);
  }
  if (const auto* call = tl::as<fn::account_updateStatus>(&what)) {
    return update_status(request, call->offline, now);
  }
  if (tl::as<fn::account_getAuthorizations>(&what) != nullptr) {
    return authorizations(request);
  }
  if (const auto* call = tl::as<fn::account_resetAuthorization>(&what)) {
    return reset_authorization(request, call->hash, now, out);
  }
  if (tl::as<fn::auth_resetAuthorizations>(&what) != nullptr) {
    return reset_authorizations(request, now, out);
  }
  if (const auto* call = tl::as<fn::messages_getPeerDialogs>(&what)) {
    return peer_dialogs(call->peers, layer, now);
  }
  if (tl::as<fn::contacts_resolveUsername>(&what) != nullptr) {
    return refused(rpc_errc::username_not_occupied);
  }
  if (auto empty = empty_answer(what, {.layer = layer, .date = now, .box = &box_})) {
    return empty;
  }
  return refused(rpc_errc::method_invalid);
}

user_logic::answer user_logic::state(layer_t layer, unix_time now) const {
  tl::updates_state state;
  state.pts = box_.pts();
  state.qts = box_.qts();
  state.seq = box_.seq();
  state.date = now;
  return stored(state, layer);
}

/// Nothing has happened to an account without chats. A client that knows less than the first pts is told it.
user_logic::answer user_logic::difference(std::int32_t pts, layer_t layer, unix_time now) const {
  if (pts < box_.pts()) {
    tl::updates_difference difference;
    difference.state = tl::make<tl::updates_state>();
    difference.state->pts = box_.pts();
    difference.state->qts = box_.qts();
    difference.state->seq = box_.seq();
    difference.state->date = now;
    return stored(difference, layer);
  }
  tl::updates_differenceEmpty nothing;
  nothing.date = now;
  nothing.seq = box_.seq();
  return stored(nothing, layer);
}

user_logic::answer user_logic::update_status(const logic_request& request, bool offline, unix_time now) {
  if (listener* present = find({request.from.key, request.from.session})) {
    if (offline && present->online_until > now) {
      was_online_ = now;
    }
    present->online_until = offline ? 0 : now + online_seconds;
  } else if (!offline) {
    was_online_ = now;
  }
  return boolean(true);
}

/// A client that asks for a dialog wants one, even an empty one. The only peer an account without chats has is
/// itself: its saved messages.
user_logic::answer user_logic::peer_dialogs(const std::vector<tl::box<tl::InputDialogPeer>>& peers, layer_t layer,
                                            unix_time now) const {
  if (peers.size() > limits::users_per_call_max) {
    return refused(rpc_errc::input_request_too_long);
  }
  tl::messages_peerDialogs result;
  for (const auto& each : peers) {
    const auto* asked = tl::as<tl::inputDialogPeer>(each);
    if (asked == nullptr) {
      continue; // a folder: there are none
    }
    const auto* user = tl::as<tl::inputPeerUser>(asked->peer);
    if (tl::as<tl::inputPeerSelf>(asked->peer) == nullptr && (user == nullptr || user->user_id != id().value())) {
      return refused(rpc_errc::peer_id_invalid);
    }
    auto peer = tl::make<tl::peerUser>();
    peer->user_id = id().value();
    auto dialog = tl::make<tl::dialog>();
    dialog->peer = std::move(peer);
    dialog->notify_settings = tl::make<tl::peerNotifySettings>();
    result.dialogs.push_back(std::move(dialog));
  }
  if (!result.dialogs.empty()) {
    result.users.push_back(self(now));
  }
  result.state = tl::make<tl::updates_state>();
  result.state->pts = box_.pts();
  result.state->qts = box_.qts();
  result.state->seq = box_.seq();
  result.state->date = now;
  return stored(result, layer);
}

// --- logins ------------------------------------------------------------------------------------------

user_logic::answer user_logic::authorizations(const logic_request& request) const {
  tl::account_authorizations list;
  // Logins do not end by themselves: the longest time that clients offer.
  list.authorization_ttl_days = 365;
  auto ids = logins_.active_ids();
  std::sort(ids.begin(), ids.end(), [&](authorization_id left, authorization_id right) {
    const bool left_first = left == request.from.authorization;
    const bool right_first = right == request.from.authorization;
    return left_first != right_first ? left_first : logins_.at(left).active_at() > logins_.at(right).active_at();
  });
  for (const authorization_id each : ids) {
    const bool own = each == request.from.authorization;
    list.authorizations.push_back(authorization_view(own ? 0 : each.value(), logins_.at(each)));
  }
  return stored(list, request.from.layer);
}

user_logic::answer user_logic::reset_authorization(const logic_request& request, std::int64_t hash, unix_time now,
                                                   entity_effects& out) {
  const listener_id asker{request.from.key, request.from.session};
  if (hash == 0 || !end_login(authorization_id{hash}, asker, now, out)) {
    return refused(rpc_errc::hash_invalid);
  }
  return boolean(true);
}

user_logic::answer user_logic::reset_authorizations(const logic_request& request, unix_time now, entity_effects& out) {
  for (const authorization_id each : logins_.active_ids()) {
    if (each != request.from.authorization) {
      end_login(each, {}, now, out);
    }
  }
  return boolean(true);
}

// --- users -------------------------------------------------------------------------------------------

std::optional<user_logic::answer> user_logic::get_users(const logic_request& request,
                                                        const std::vector<const tl::InputUser*>& ids, bool full,
                                                        unix_time now, entity_effects& out) {
  if (ids.size() > limits::users_per_call_max) {
    return refused(rpc_errc::input_request_too_long);
  }
  question asked{.ticket = request.ticket, .layer = request.from.layer, .full = full, .users = {}, .missing = 0};
  std::vector<awaited> wanted;
  for (const tl::InputUser* each : ids) {
    const auto* other = tl::as<tl::inputUser>(each);
    if (tl::as<tl::inputUserSelf>(each) != nullptr || (other != nullptr && other->user_id == id().value())) {
      asked.users.push_back(self(now));
    } else if (other != nullptr &&
               access_hash_fits(options_.access_hash_key, id(), user_id{other->user_id}, other->access_hash)) {
      wanted.push_back({.ended = {}, .question = 1, .place = asked.users.size(), .target = user_id{other->user_id}});
      asked.users.push_back(no_user(other->user_id));
    } else {
      asked.users.push_back(no_user(other != nullptr ? other->user_id : 0));
    }
  }
  if (wanted.empty()) {
    return finish(asked);
  }
  if (questions_.size() >= limits::user_questions_max) {
    return unexpected(rpc_error{rpc_errc::flood_wait, 1});
  }
  const std::uint64_t number = ++last_token_;
  command::UserCommand card;
  card.mutable_public_card()->set_viewer(id().value());
  for (awaited& each : wanted) {
    each.question = number;
    const cluster::entity_id whom{static_cast<std::uint64_t>(each.target.value())};
    out.commands.push_back({{cluster::entity_kind::user, whom}, card.SerializeAsString(), await(each)});
  }
  asked.missing = wanted.size();
  questions_[number] = std::move(asked);
  return std::nullopt;
}

void user_logic::card_came(const awaited& what, const rpc_result<std::string>& reply, entity_effects& out) {
  const auto found = questions_.find(what.question);
  if (found == questions_.end()) {
    return;
  }
  question& asked = found->second;
  command::Card card;
  if (reply && card.ParseFromString(*reply) && card.exists()) {
    asked.users[what.place] = stranger_view(what.target, access_hash(options_.access_hash_key, id(), what.target),
                                            card.first_name(), card.last_name());
  }
  if (--asked.missing == 0) {
    out.answer(asked.ticket, finish(asked));
    questions_.erase(found);
  }
}

user_logic::answer user_logic::finish(question& what) const {
  if (!what.full) {
    std::string bytes;
    tl::writer out(bytes);
    tl::store_vector(out, what.users, what.layer);
    if (!out.ok()) {
      return refused(rpc_errc::rpc_call_fail);
    }
    return bytes;
  }
  const auto* user = tl::as<tl::user>(what.users.front());
  if (user == nullptr) {
    return refused(rpc_errc::user_id_invalid);
  }
  auto full = tl::make<tl::userFull>();
  full->id = user->id;
  full->settings = tl::make<tl::peerSettings>();
  full->notify_settings = tl::make<tl::peerNotifySettings>();
  tl::users_userFull result;
  if (!result.known_at(what.layer)) {
    full->user = std::move(what.users.front());
    return stored(*full, what.layer);
  }
  result.full_user = std::move(full);
  result.users = std::move(what.users);
  return stored(result, what.layer);
}

} // namespace godwit::account
