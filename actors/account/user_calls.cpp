#include <algorithm>

#include "actors/account/empty_answers.hpp"
#include "actors/account/user_logic.hpp"
#include "actors/account/user_views.hpp"
#include "protocol/tl/api/account.hpp"
#include "protocol/tl/api/account_fn.hpp"
#include "protocol/tl/api/auth_fn.hpp"
#include "protocol/tl/api/message_fn.hpp"
#include "protocol/tl/methods.hpp"

namespace godwit::account {
namespace {

rpc_result<std::string> refused(rpc_errc why) { return unexpected(rpc_error{why}); }

rpc_result<std::string> boolean(bool value) {
  std::string bytes;
  tl::writer(bytes).write_bool(value);
  return bytes;
}

/// False where it does no harm to take a copy late: what only reads, and sending, which its random_id makes once.
bool changes_something(const tl::fn::function& call, std::string_view body) {
  if (tl::as<tl::fn::messages_sendMessage>(&call) != nullptr ||
      tl::as<tl::fn::messages_forwardMessages>(&call) != nullptr) {
    return false;
  }
  const tl::method_info* const method = tl::find_method(tl::reader(body).peek_id());
  const std::string_view name =
    method == nullptr ? std::string_view() : method->name.substr(method->name.find('.') + 1);
  return !name.starts_with("get") && !name.starts_with("search") && !name.starts_with("check") &&
         !name.starts_with("resolve") && name != "setTyping" && name != "updateStatus";
}

} // namespace

void user_logic::call(const logic_request& request, unix_time now, entity_effects& out) {
  const cluster::caller& from = request.from;
  if (!core_.profile || logins_.active(from.authorization, from.key) == nullptr) {
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
  const people::call_context caller{request.ticket,
                                    from.layer,
                                    {from.key, from.session},
                                    now,
                                    box::user_box::repetition_hash((*what)->kind(), request.body),
                                    from.message};
  if (changes_something(**what, request.body)) {
    change(request, caller, **what, now, out);
  } else {
    run(request, caller, **what, now, out);
  }
}

/// A call of which copies may be under way.
void user_logic::change(const logic_request& request, const people::call_context& caller, const tl::fn::function& what,
                        unix_time now, entity_effects& out) {
  const cluster::caller& from = request.from;
  const call_copies::verdict copy = copies_.take(from.key, from.session, request.body, from.message, now);
  // The box remembers its own changes on the disk, and knows what to answer.
  const bool knows_itself = caller.body != 0;
  if (copy.answer != nullptr && !knows_itself) {
    out.answer(request.ticket, *copy.answer);
    return;
  }
  if (!knows_itself && copies_.wait(copy, request.ticket)) {
    return; // refused now, whoever asked both times would take that for the answer
  }
  if (copy.older || (copy.overtaken && !knows_itself)) {
    // Whoever waits for this one, if anybody does, makes the call again.
    out.answer(request.ticket, refused(rpc_errc::rpc_call_fail));
    return;
  }
  if (!knows_itself) {
    copies_.begin(from.key, request.body, from.message, request.ticket);
  }
  run(request, caller, what, now, out);
}

void user_logic::watch_answers(entity_effects& out) {
  if (!copies_.under_way()) {
    return;
  }
  const std::size_t all = out.answers.size();
  for (std::size_t i = 0; i < all; ++i) {
    const entity_answer& said = out.answers[i];
    const bool can_be_said_again = said.body && said.pts == 0;
    for (const std::uint64_t each :
         copies_.answered(said.ticket, can_be_said_again ? std::string_view(*said.body) : std::string_view())) {
      entity_answer again = out.answers[i];
      again.ticket = each;
      out.answers.push_back(std::move(again));
    }
  }
}

void user_logic::run(const logic_request& request, const people::call_context& caller, const tl::fn::function& what,
                     unix_time now, entity_effects& out) {
  if (box_.call(caller, what, out) || people_.call(caller, what, out)) {
    return;
  }
  out.answer(request.ticket, run_call(request, what, now, out));
}

user_logic::answer user_logic::run_call(const logic_request& request, const tl::fn::function& what, unix_time now,
                                        entity_effects& out) {
  namespace fn = tl::fn;
  if (tl::as<fn::account_getAuthorizations>(&what) != nullptr) {
    return authorizations(request);
  }
  if (const auto* asked = tl::as<fn::account_resetAuthorization>(&what)) {
    return reset_authorization(request, asked->hash, now, out);
  }
  if (tl::as<fn::auth_resetAuthorizations>(&what) != nullptr) {
    return reset_authorizations(request, now, out);
  }
  if (auto empty = empty_answer(what, {.layer = request.from.layer, .date = now, .box = &core_.box})) {
    return *std::move(empty);
  }
  return refused(rpc_errc::method_invalid);
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

} // namespace godwit::account
