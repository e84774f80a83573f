#include "actors/account/user_logic.hpp"

#include <algorithm>

#include "actors/account/access_hash.hpp"
#include "actors/account/user_views.hpp"
#include "config/limits.hpp"
#include "protocol/tl/api/auth.hpp"
#include "protocol/tl/api/user.hpp"

namespace godwit::account {
namespace {

template <class Message>
rpc_result<std::string> encoded(const Message& message) {
  return message.SerializeAsString();
}

rpc_result<std::string> refused(rpc_errc why, std::int32_t argument = 0) {
  return unexpected(rpc_error{why, argument});
}

} // namespace

user_logic::user_logic(cluster::entity_id self, const account_options& options) : self_(self), options_(options) {}
user_logic::~user_logic() = default;

std::vector<records_table> user_logic::tables() const {
  return {records_table::user_profile, records_table::user_box, records_table::user_authorization};
}

bool user_logic::load(records_table table, std::string_view sub_key, std::string_view value) {
  if (table == records_table::user_profile) {
    return profile_.emplace().ParseFromString(std::string(value));
  }
  if (table == records_table::user_box) {
    return box_.ParseFromString(std::string(value));
  }
  return logins_.load(sub_key, value);
}

void user_logic::resume(unix_time now, entity_effects& out) {
  for (const authorization_id each : logins_.active_ids()) {
    was_online_ = std::max(was_online_, logins_.at(each).active_at());
  }
  for (const authorization_id each : logins_.ending_ids()) {
    tell_key(each, out);
  }
  logins_.sweep(now, out);
}

bool user_logic::busy() const { return !listeners_.empty() || !awaited_.empty() || !questions_.empty(); }

void user_logic::handle(const logic_request& request, unix_time now, entity_effects& out) {
  if (request.type == cluster::request_type::call) {
    call(request, now, out);
  } else {
    command(request, now, out);
  }
}

void user_logic::command(const logic_request& request, unix_time now, entity_effects& out) {
  command::UserCommand what;
  answer result = refused(rpc_errc::method_invalid);
  if (what.ParseFromString(std::string(request.body))) {
    using command::UserCommand;
    switch (what.what_case()) {
    case UserCommand::kCreate: result = create(what.create(), now, out); break;
    case UserCommand::kAuthorize: result = authorize(what.authorize(), request.from.layer, now, out); break;
    case UserCommand::kSubscribe: result = subscribe(request, what.subscribe(), now, out); break;
    case UserCommand::kUnsubscribe:
      gone({request.from.key, request.from.session}, now);
      out.forget.push_back({request.from.key, request.from.session});
      result = encoded(command::Done{});
      break;
    case UserCommand::kOwnsPhone: {
      command::PhoneOwned owned;
      owned.set_owned(profile_ && profile_->phone() == what.owns_phone().phone());
      result = encoded(owned);
      break;
    }
    case UserCommand::kLogOut: result = log_out(request, what.log_out(), now, out); break;
    case UserCommand::kPublicCard: result = public_card(); break;
    case UserCommand::kDescribe: result = describe(); break;
    case UserCommand::WHAT_NOT_SET: break;
    }
  }
  out.answer(request.ticket, std::move(result));
}

user_logic::answer user_logic::create(const command::CreateUser& what, unix_time now, entity_effects& out) {
  command::UserCreated created;
  if (profile_) {
    created.set_taken(profile_->phone() != what.phone());
    return encoded(created);
  }
  profile_.emplace();
  profile_->set_phone(what.phone());
  profile_->set_first_name(what.first_name());
  profile_->set_last_name(what.last_name());
  profile_->set_created_at(now);
  box_.set_pts(1);
  box_.set_date(now);
  out.put(records_table::user_profile, {}, *profile_);
  out.put(records_table::user_box, {}, box_);
  return encoded(created);
}

user_logic::answer user_logic::authorize(const command::Authorize& what, layer_t layer, unix_time now,
                                         entity_effects& out) {
  if (!profile_) {
    return refused(rpc_errc::input_user_deactivated);
  }
  const auto login = logins_.authorize(what, now, *options_.random, out);
  if (!login) {
    return unexpected(login.error());
  }
  if (login->ended) {
    tell_listeners(*login->ended, {}, out);
    tell_key(*login->ended, out);
  }
  if (login->fresh) {
    for (const listener& each : listeners_) {
      std::string update = new_authorization_update(login->id, logins_.at(login->id), each.layer);
      if (!update.empty() && each.authorization != login->id) {
        out.messages.push_back({each.id, std::move(update), {}});
      }
    }
  }
  tl::auth_authorization result;
  result.user = self(now);
  const auto bytes = stored(result, layer);
  if (!bytes) {
    return unexpected(bytes.error());
  }
  command::Authorized authorized;
  authorized.set_authorization(login->id.value());
  authorized.set_answer(*bytes);
  return encoded(authorized);
}

user_logic::answer user_logic::subscribe(const logic_request& request, const command::Subscribe& what, unix_time now,
                                         entity_effects& out) {
  const cluster::caller& from = request.from;
  if (!profile_ || logins_.active(from.authorization, from.key) == nullptr) {
    unbind_stray_key(request, out);
    return refused(rpc_errc::auth_key_unregistered);
  }
  if (!request.can_listen) {
    return refused(rpc_errc::method_invalid);
  }
  const listener_id who{from.key, from.session};
  listener* present = find(who);
  if (present == nullptr) {
    if (listeners_.size() >= limits::listeners_per_user_max) {
      return refused(rpc_errc::flood_wait, 60);
    }
    present = &listeners_.emplace_back();
    present->id = who;
  }
  out.listen.emplace_back(request.ticket, who);
  present->authorization = from.authorization;
  present->layer = what.layer();
  logins_.touch(from.authorization, now, out);
  command::Subscribed subscribed;
  subscribed.set_pts(box_.pts());
  return encoded(subscribed);
}

user_logic::answer user_logic::log_out(const logic_request& request, const command::LogOut& what, unix_time now,
                                       entity_effects& out) {
  command::LoggedOut done;
  done.set_ended(end_login(authorization_id{what.authorization()}, {request.from.key, request.from.session}, now, out));
  return encoded(done);
}

user_logic::answer user_logic::public_card() const {
  command::Card card;
  if (profile_) {
    card.set_exists(true);
    card.set_first_name(profile_->first_name());
    card.set_last_name(profile_->last_name());
  }
  return encoded(card);
}

user_logic::answer user_logic::describe() const {
  command::Description description;
  if (profile_) {
    description.set_exists(true);
    description.set_created_at(profile_->created_at());
    const auto ids = logins_.active_ids();
    description.set_authorizations(static_cast<std::uint32_t>(ids.size()));
    for (const authorization_id each : ids) {
      description.set_active_at(std::max(description.active_at(), logins_.at(each).active_at()));
    }
    description.set_listening(static_cast<std::uint32_t>(listeners_.size()));
  }
  return encoded(description);
}

// --- the end of a login ------------------------------------------------------------------------------

bool user_logic::end_login(authorization_id id, const listener_id& but, unix_time now, entity_effects& out) {
  if (!logins_.end(id, now, out)) {
    return false;
  }
  tell_listeners(id, but, out);
  tell_key(id, out);
  return true;
}

void user_logic::tell_listeners(authorization_id ended, const listener_id& but, entity_effects& out) {
  const auto over = [&](const listener& each) {
    if (each.authorization != ended) {
      return false;
    }
    // The session that asks to be logged out still has its answer to give.
    if (each.id != but) {
      out.messages.push_back({each.id, {}, ended});
    }
    out.forget.push_back(each.id);
    return true;
  };
  listeners_.erase(std::remove_if(listeners_.begin(), listeners_.end(), over), listeners_.end());
}

void user_logic::tell_key(authorization_id ended, entity_effects& out) {
  command::KeyCommand what;
  what.mutable_unbind_user()->set_user(id().value());
  what.mutable_unbind_user()->set_authorization(ended.value());
  const cluster::entity_id key{logins_.at(ended).key()};
  const std::uint64_t token = await({.ended = ended, .question = 0, .place = 0, .target = {}});
  out.commands.push_back({{cluster::entity_kind::auth_key, key}, what.SerializeAsString(), token});
}

/// A binding that was written after its login was ended, by a sign-in that was under way.
void user_logic::unbind_stray_key(const logic_request& request, entity_effects& out) {
  if (request.from.authorization.value() == 0 || awaited_.size() >= limits::user_questions_max) {
    return;
  }
  command::KeyCommand what;
  what.mutable_unbind_user()->set_user(id().value());
  what.mutable_unbind_user()->set_authorization(request.from.authorization.value());
  const cluster::entity_id key{request.from.key.value()};
  const std::uint64_t token = await({});
  out.commands.push_back({{cluster::entity_kind::auth_key, key}, what.SerializeAsString(), token});
}

void user_logic::replied(std::uint64_t token, const rpc_result<std::string>& what, unix_time now, entity_effects& out) {
  const auto found = awaited_.find(token);
  if (found == awaited_.end()) {
    return;
  }
  const awaited held = found->second;
  awaited_.erase(found);
  if (held.question != 0) {
    card_came(held, what, out);
  } else if (held.ended.value() != 0) {
    // An error, too: the key is gone, and nobody can use it.
    logins_.acknowledged(held.ended, now, out);
  }
}

void user_logic::gone(const listener_id& who, unix_time now) {
  if (const listener* present = find(who)) {
    if (present->online_until > now) {
      was_online_ = now;
    }
    listeners_.erase(listeners_.begin() + (present - listeners_.data()));
  }
}

std::uint64_t user_logic::await(awaited what) {
  awaited_[++last_token_] = what;
  return last_token_;
}

user_logic::listener* user_logic::find(const listener_id& who) {
  const auto found =
    std::find_if(listeners_.begin(), listeners_.end(), [&](const listener& each) { return each.id == who; });
  return found == listeners_.end() ? nullptr : &*found;
}

tl::box<tl::User> user_logic::self(unix_time now) const {
  unix_time online_until = 0;
  for (const listener& each : listeners_) {
    if (each.online_until > now) {
      online_until = std::max(online_until, each.online_until);
    }
  }
  return self_view(id(), access_hash(options_.access_hash_key, id(), id()), *profile_, online_until, was_online_);
}

} // namespace godwit::account
