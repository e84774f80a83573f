#include <array>

#include "actors/commands/account_commands.pb.h"
#include "actors/people/name_text.hpp"
#include "actors/people/people_parts.hpp"
#include "actors/people/username_logic.hpp"
#include "protocol/tl/api/account_fn.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/user.hpp"

namespace godwit::people {
namespace {

namespace fn = tl::fn;

command::UsernameCommand about(const std::string& username) {
  command::UsernameCommand command;
  command.set_username(username);
  return command;
}

using owner_came = std::function<void(const std::optional<command::UsernameOwner>&, unix_time, entity_effects&)>;

/// Asks a username's entity; nothing comes of a reply that cannot be read.
void ask(const command::UsernameCommand& command, entity_effects& out, owner_came then) {
  out.commands.push_back(
    {.to = username_entity(command.username()),
     .body = command.SerializeAsString(),
     .token = 0,
     .then = [run = std::move(then)](const rpc_result<std::string>& what, unix_time now, entity_effects& more) {
       command::UsernameOwner owner;
       const bool read = what && owner.ParseFromString(*what);
       run(read ? std::optional(owner) : std::nullopt, now, more);
     }});
}

} // namespace

std::span<const std::uint32_t> username_change::kinds() {
  static constexpr std::array<std::uint32_t, 2> all{fn::account_checkUsername::kind_id,
                                                    fn::account_updateUsername::kind_id};
  return all;
}

bool username_change::load(std::string_view value) {
  return change_.emplace().ParseFromArray(value.data(), static_cast<int>(value.size()));
}

void username_change::resume(unix_time now, entity_effects& out) {
  if (!change_ || !core_.account.profile) {
    return;
  }
  const std::string& current = core_.account.profile->username();
  if (current == change_->wanted()) {
    settle(current, change_->released(), out);
  } else if (!current.empty() && username_key(current) == username_key(change_->wanted())) {
    settle(current, {}, out); // only the writing was to change, and nobody was told that it has
  } else {
    give_up(now, out);
  }
}

bool username_change::call(const call_context& from, const fn::function& what, entity_effects& out) {
  if (const auto* question = tl::as<fn::account_checkUsername>(&what)) {
    check(from, question->username, out);
  } else if (const auto* change = tl::as<fn::account_updateUsername>(&what)) {
    begin(from, change->username, out);
  } else {
    return false;
  }
  return true;
}

bool username_change::owns(std::string_view username) const {
  if (!core_.account.profile || core_.account.profile->deleted() || username.empty()) {
    return false;
  }
  const std::string key = username_key(username);
  return key == username_key(core_.account.profile->username()) || (change_ && key == username_key(change_->wanted()));
}

void username_change::check(const call_context& from, const std::string& username, entity_effects& out) {
  if (!is_username(username)) {
    return out.answer(from.ticket, refused(rpc_errc::username_invalid));
  }
  auto find = about(username);
  find.mutable_find();
  ask(find, out, [this, from](const auto& owner, unix_time, entity_effects& more) {
    if (!owner) {
      return more.answer(from.ticket, refused(rpc_errc::rpc_call_fail));
    }
    if (owner->user() != 0 && owner->user() != core_.account.self.value()) {
      return more.answer(from.ticket, refused(rpc_errc::username_occupied));
    }
    more.answer(from.ticket, result_of<fn::account_checkUsername>(true, from.layer));
  });
}

void username_change::begin(const call_context& from, const std::string& username, entity_effects& out) {
  const std::string& current = core_.account.profile->username();
  if (!username.empty() && !is_username(username)) {
    return out.answer(from.ticket, refused(rpc_errc::username_invalid));
  }
  if (username == current) {
    return out.answer(from.ticket, refused(rpc_errc::username_not_modified));
  }
  if (change_) {
    return out.answer(from.ticket, refused(rpc_errc::flood_wait, 1));
  }
  change_.emplace();
  change_->set_wanted(username);
  if (username_key(username) != username_key(current)) {
    change_->set_released(current);
  }
  // A version that nobody sees numbers the change: a word of an earlier one that comes late is known by it.
  auto& profile = *core_.account.profile;
  profile.set_version(profile.version() + 1);
  out.put(records_table::user_profile, {}, profile);
  change_->set_number(profile.version());
  // Before the name is asked for: whatever becomes of this actor, the row says that the reservation may be there.
  out.put(records_table::user_username, {}, *change_);
  if (username.empty()) {
    return take(from, from.now, out);
  }
  auto reserve = about(username);
  reserve.mutable_reserve()->set_user(core_.account.self.value());
  reserve.mutable_reserve()->set_change(change_->number());
  ask(reserve, out, [this, from](const auto& owner, unix_time now, entity_effects& more) {
    if (!owner) {
      more.answer(from.ticket, refused(rpc_errc::rpc_call_fail));
      return give_up(now, more);
    }
    if (owner->user() != core_.account.self.value()) {
      more.answer(from.ticket, refused(rpc_errc::username_occupied));
      return end(more);
    }
    take(from, now, more);
  });
}

/// The name is reserved: from here on there is no way back.
void username_change::take(const call_context& from, unix_time now, entity_effects& out) {
  set_username(change_->wanted(), from.asker, now, out);
  const fn::account_updateUsername::result result = core_.self_view(now);
  out.answer(from.ticket, result_of<fn::account_updateUsername>(result, from.layer));
  settle(change_->wanted(), change_->released(), out);
}

/// Tells the entities of both names what the profile says.
void username_change::settle(const std::string& confirmed, const std::string& released, entity_effects& out) {
  unsettled_ = static_cast<int>(!confirmed.empty()) + static_cast<int>(!released.empty());
  if (unsettled_ == 0) {
    return end(out);
  }
  const std::int64_t self = core_.account.self.value();
  if (!confirmed.empty()) {
    auto confirm = about(confirmed);
    confirm.mutable_confirm()->set_user(self);
    confirm.mutable_confirm()->set_change(change_->number());
    ask(confirm, out, [this, self, confirmed](const auto& owner, unix_time now, entity_effects& more) {
      const bool lost = owner && owner->user() != 0 && owner->user() != self;
      if (lost && core_.account.profile->username() == confirmed) {
        set_username({}, {}, now, more); // two accounts never show one name
      }
      if (--unsettled_ == 0) {
        end(more);
      }
    });
  }
  if (!released.empty()) {
    auto release = about(released);
    release.mutable_release()->set_user(self);
    release.mutable_release()->set_change(change_->number());
    ask(release, out, [this](const auto&, unix_time, entity_effects& more) {
      if (--unsettled_ == 0) {
        end(more);
      }
    });
  }
}

/// The name was not taken, and may be reserved.
void username_change::give_up(unix_time /*now*/, entity_effects& out) {
  const std::string wanted = change_->wanted();
  if (!is_username(wanted) || username_key(wanted) == username_key(core_.account.profile->username())) {
    return end(out);
  }
  settle({}, wanted, out);
}

void username_change::end(entity_effects& out) {
  change_.reset();
  out.erase(records_table::user_username, {});
}

void username_change::set_username(const std::string& username, const listener_id& but, unix_time now,
                                   entity_effects& out) {
  core_.account.profile->set_username(username);
  core_.put_profile(now, out);
  core_.tell_self(core_.name_update(*core_.self_view(now)), but, now, out);
}

} // namespace godwit::people
