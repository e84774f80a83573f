#include "actors/account/user_logic.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

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

user_logic::user_logic(cluster::entity_id self, const account_options& options)
    : options_(options),
      core_{.self = user_id{static_cast<std::int64_t>(self.value())},
            .options = options.people,
            .profile = {},
            .box = {},
            .ears = {},
            .was_online = 0,
            .note_beside = {}} {}
user_logic::~user_logic() = default;

std::vector<records_table> user_logic::tables() const {
  std::vector<records_table> all{records_table::user_profile, records_table::user_box,
                                 records_table::user_authorization};
  for (const auto& more : {people::people::tables(), box::user_box::tables()}) {
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

bool user_logic::load(records_table table, std::string_view sub_key, std::string_view value) {
  switch (table) {
  case records_table::user_profile:
    return core_.profile.emplace().ParseFromArray(value.data(), static_cast<int>(value.size()));
  case records_table::user_box: return core_.box.ParseFromArray(value.data(), static_cast<int>(value.size()));
  case records_table::user_authorization: return logins_.load(sub_key, value);
  default: return people_.load(table, sub_key, value) || box_.load(table, sub_key, value);
  }
}

void user_logic::resume(unix_time now, entity_effects& out) {
  for (const authorization_id each : logins_.active_ids()) {
    core_.was_online = std::max(core_.was_online, logins_.at(each).active_at());
  }
  for (const authorization_id each : logins_.ending_ids()) {
    tell_key(each, out);
  }
  logins_.sweep(now, out);
  people_.resume(now, out);
}

bool user_logic::busy() const { return !core_.ears.empty() || !awaited_.empty(); }

void user_logic::handle(const logic_request& request, unix_time now, entity_effects& out) {
  switch (request.type) {
  case cluster::request_type::call: return call(request, now, out);
  case cluster::request_type::command: return command(request, now, out);
  case cluster::request_type::delivery: return delivered(request, now, out);
  }
}

/// What it cannot read, or does not know, it does not call done: the host puts it aside, where an operator finds it.
void user_logic::delivered(const logic_request& request, unix_time now, entity_effects& out) {
  command::Delivery what;
  if (!what.ParseFromArray(request.body.data(), static_cast<int>(request.body.size()))) {
    throw std::logic_error("a delivery to an account cannot be read");
  }
  const bool unread_notice = what.has_notice() && what.notice().only_if_logged_in() && logins_.active_ids().empty();
  if (!core_.profile || core_.profile->deleted() || unread_notice) {
    return out.answer(request.ticket, std::string{});
  }
  if (what.has_relation()) {
    people_.relation_changed(request.ticket, what, now, out);
  } else if (!box_.delivered(request.ticket, std::move(what), now, out)) {
    throw std::logic_error("a delivery of a kind that accounts do not know");
  }
}

void user_logic::whispered(const command::Whisper& what, unix_time now, entity_effects& out) {
  if (!core_.profile) {
    return;
  }
  if (what.has_typing()) {
    box_.typing(user_id{what.from()}, what.typing(), now, out);
  } else {
    people_.whispered(what, now, out);
  }
}

void user_logic::command(const logic_request& request, unix_time now, entity_effects& out) {
  command::UserCommand what;
  answer result = refused(rpc_errc::method_invalid);
  if (what.ParseFromArray(request.body.data(), static_cast<int>(request.body.size()))) {
    using command::UserCommand;
    switch (what.what_case()) {
    case UserCommand::kCreate: result = create(what.create(), now, out); break;
    case UserCommand::kAuthorize: result = authorize(what.authorize(), request.from.layer, now, out); break;
    case UserCommand::kSubscribe: result = subscribe(request, what.subscribe(), now, out); break;
    case UserCommand::kUnsubscribe: result = unsubscribe(request, what.unsubscribe(), now, out); break;
    case UserCommand::kOwnsPhone: {
      command::PhoneOwned owned;
      owned.set_owned(core_.profile && core_.profile->phone() == what.owns_phone().phone());
      result = encoded(owned);
      break;
    }
    case UserCommand::kLogOut: result = log_out(request, what.log_out(), now, out); break;
    case UserCommand::kPublicCard: result = public_card(now); break;
    case UserCommand::kWhisper:
      whispered(what.whisper(), now, out);
      result = encoded(command::Done{});
      break;
    case UserCommand::kOwnsUsername: {
      command::PhoneOwned owned;
      owned.set_owned(core_.profile && people_.owns_username(what.owns_username().username()));
      result = encoded(owned);
      break;
    }
    case UserCommand::kDescribe: result = describe(); break;
    case UserCommand::WHAT_NOT_SET: break;
    }
  }
  out.answer(request.ticket, std::move(result));
}

user_logic::answer user_logic::create(const command::CreateUser& what, unix_time now, entity_effects& out) {
  command::UserCreated created;
  if (core_.profile) {
    created.set_taken(core_.profile->phone() != what.phone());
    return encoded(created);
  }
  auto& profile = core_.profile.emplace();
  profile.set_phone(what.phone());
  profile.set_first_name(what.first_name());
  profile.set_last_name(what.last_name());
  profile.set_created_at(now);
  profile.set_version(1);
  core_.box.set_pts(1);
  core_.box.set_date(now);
  out.put(records_table::user_profile, {}, profile);
  out.put(records_table::user_box, {}, core_.box);
  return encoded(created);
}

user_logic::answer user_logic::authorize(const command::Authorize& what, layer_t layer, unix_time now,
                                         entity_effects& out) {
  if (!core_.profile) {
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
    note_login(login->id, now, out);
  }
  tl::auth_authorization result;
  result.user = people_.view(id(), now);
  const auto bytes = stored(result, layer);
  if (!bytes) {
    return unexpected(bytes.error());
  }
  command::Authorized authorized;
  authorized.set_authorization(login->id.value());
  authorized.set_answer(*bytes);
  return encoded(authorized);
}

/// The account's other sessions hear of a new login at once, and find a notice of it in their chats.
void user_logic::note_login(authorization_id fresh, unix_time now, entity_effects& out) {
  const persistence::records::UserAuthorization& row = logins_.at(fresh);
  for (const people::listener& each : core_.ears.all()) {
    if (each.authorization == fresh) {
      continue;
    }
    if (std::string update = new_authorization_update(fresh, row, each.layer); !update.empty()) {
      out.messages.push_back({each.id, std::make_shared<const std::string>(std::move(update)), {}});
    }
  }
  if (logins_.active_ids().size() > 1) {
    command::Delivery notice;
    notice.set_from(people::service_user.value());
    notice.set_date(now);
    notice.mutable_notice()->set_text(new_login_notice(core_.profile->first_name(), row, now));
    box_.delivered(0, std::move(notice), now, out);
  }
}

user_logic::answer user_logic::subscribe(const logic_request& request, const command::Subscribe& what, unix_time now,
                                         entity_effects& out) {
  const cluster::caller& from = request.from;
  if (!core_.profile || logins_.active(from.authorization, from.key) == nullptr) {
    unbind_stray_key(request, out);
    return refused(rpc_errc::auth_key_unregistered);
  }
  if (!request.can_listen) {
    return refused(rpc_errc::method_invalid);
  }
  const listener_id who{from.key, from.session};
  people::listener* present = core_.ears.find(who);
  const bool fresh = present == nullptr;
  if (!fresh && present->instance == what.instance() && what.attempt() < present->attempt) {
    return refused(rpc_errc::rpc_call_fail); // it asked again since, and hears by that
  }
  if (fresh) {
    present = core_.ears.add(who);
  }
  if (present == nullptr) {
    return refused(rpc_errc::flood_wait, 60);
  }
  if (fresh && what.pts() != 0) {
    carry_on(*present, now);
  }
  out.listen.emplace_back(request.ticket, who);
  present->authorization = from.authorization;
  present->layer = what.layer();
  present->instance = what.instance();
  present->attempt = what.attempt();
  logins_.touch(from.authorization, now, out);
  if (what.pts() != 0) {
    box_.subscribed(who, what.pts(), now, out);
  }
  command::Subscribed subscribed;
  subscribed.set_pts(core_.box.pts());
  return encoded(subscribed);
}

/// After a change of leader: who was online is so until its clients say otherwise, and they say so every few minutes.
void user_logic::carry_on(people::listener& present, unix_time now) const {
  const auto known = options_.people.presence->find(id());
  present.online_guessed = known.online_until > now;
  present.online_until = present.online_guessed ? known.online_until : 0;
}

user_logic::answer user_logic::unsubscribe(const logic_request& request, const command::Unsubscribe& what,
                                           unix_time now, entity_effects& out) {
  const listener_id who{request.from.key, request.from.session};
  const people::listener* const present = core_.ears.find(who);
  // Its client may be on another node by now.
  if (present != nullptr && present->instance == what.instance()) {
    gone(who, now, out);
    out.forget.push_back(who);
  }
  return encoded(command::Done{});
}

user_logic::answer user_logic::log_out(const logic_request& request, const command::LogOut& what, unix_time now,
                                       entity_effects& out) {
  command::LoggedOut done;
  done.set_ended(end_login(authorization_id{what.authorization()}, {request.from.key, request.from.session}, now, out));
  return encoded(done);
}

user_logic::answer user_logic::public_card(unix_time now) const {
  return encoded(core_.profile ? people_.own_card(now) : command::Card{});
}

user_logic::answer user_logic::describe() const {
  command::Description description;
  if (core_.profile) {
    description.set_exists(true);
    description.set_created_at(core_.profile->created_at());
    const auto ids = logins_.active_ids();
    description.set_authorizations(static_cast<std::uint32_t>(ids.size()));
    for (const authorization_id each : ids) {
      description.set_active_at(std::max(description.active_at(), logins_.at(each).active_at()));
    }
    description.set_listening(static_cast<std::uint32_t>(core_.ears.all().size()));
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
  const std::vector<people::listener> present = core_.ears.all();
  for (const people::listener& each : present) {
    if (each.authorization != ended) {
      continue;
    }
    // The session that asks to be logged out still has its answer to give.
    if (each.id != but) {
      out.messages.push_back({each.id, nullptr, ended});
    }
    out.forget.push_back(each.id);
    core_.ears.remove(each.id);
  }
}

void user_logic::tell_key(authorization_id ended, entity_effects& out) {
  command::KeyCommand what;
  what.mutable_unbind_user()->set_user(id().value());
  what.mutable_unbind_user()->set_authorization(ended.value());
  const cluster::entity_id key{logins_.at(ended).key()};
  awaited_[++last_token_] = ended;
  out.commands.push_back({{cluster::entity_kind::auth_key, key}, what.SerializeAsString(), last_token_});
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
  awaited_[++last_token_] = {};
  out.commands.push_back({{cluster::entity_kind::auth_key, key}, what.SerializeAsString(), last_token_});
}

void user_logic::replied(std::uint64_t token, const rpc_result<std::string>& /*what*/, unix_time now,
                         entity_effects& out) {
  const auto found = awaited_.find(token);
  if (found == awaited_.end()) {
    return;
  }
  const authorization_id ended = found->second;
  awaited_.erase(found);
  if (ended.value() != 0) {
    // An error, too: the key is gone, and nobody can use it.
    logins_.acknowledged(ended, now, out);
  }
}

void user_logic::gone(const listener_id& who, unix_time now, entity_effects& out) {
  if (const people::listener* present = core_.ears.find(who)) {
    if (present->online_until > now) {
      core_.was_online = now;
    }
    core_.ears.remove(who);
    box_.session_lost(who);
    people_.presence_changed(now, out);
  }
}

} // namespace godwit::account
