#include <algorithm>
#include <array>

#include "actors/commands/account_commands.pb.h"
#include "actors/people/name_text.hpp"
#include "actors/people/peer_view.hpp"
#include "actors/people/people_parts.hpp"
#include "actors/people/username_logic.hpp"
#include "config/limits.hpp"
#include "protocol/tl/api/contacts.hpp"
#include "protocol/tl/api/contacts_fn.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/user.hpp"

namespace godwit::people {
namespace fn = tl::fn;

std::span<const std::uint32_t> finding_calls::kinds() {
  static constexpr std::array<std::uint32_t, 4> all{
    fn::contacts_importContacts::kind_id, fn::contacts_resolvePhone::kind_id, fn::contacts_resolveUsername::kind_id,
    fn::contacts_search::kind_id};
  return all;
}

bool finding_calls::call(const call_context& from, const fn::function& what, entity_effects& out) {
  if (const auto* import_call = tl::as<fn::contacts_importContacts>(&what)) {
    import_contacts(from, *import_call, out);
  } else if (const auto* phone = tl::as<fn::contacts_resolvePhone>(&what)) {
    resolve_phone(from, phone->phone, out);
  } else if (const auto* username = tl::as<fn::contacts_resolveUsername>(&what)) {
    resolve_username(from, username->username, out);
  } else if (const auto* question = tl::as<fn::contacts_search>(&what)) {
    search(from, question->q, question->limit, out);
  } else {
    return false;
  }
  return true;
}

void finding_calls::find_username(const std::string& username, std::uint32_t patience_ms, entity_effects& out,
                                  owner_found then) {
  command::UsernameCommand question;
  question.set_username(username);
  question.mutable_find();
  out.commands.push_back(
    {.to = username_entity(username),
     .body = question.SerializeAsString(),
     .token = 0,
     .then =
       [run = std::move(then)](const rpc_result<std::string>& what, unix_time now, entity_effects& more) {
         if (!what && what.error().errc == rpc_errc::rpc_call_fail) {
           return run(unexpected(what.error()), now, more);
         }
         command::UsernameOwner owner;
         const bool certain = what && owner.ParseFromString(*what) && !owner.reserved();
         run(certain && is_account_id(owner.user()) ? std::optional(user_id{owner.user()}) : std::nullopt, now, more);
       },
     .patience_ms = patience_ms});
}

void finding_calls::resolve_username(const call_context& from, const std::string& username, entity_effects& out) {
  if (!is_username(username)) {
    return out.answer(from.ticket, refused(rpc_errc::username_invalid));
  }
  const auto resolved = [this, from](const found_owner& owner, unix_time now, entity_effects& more) {
    if (!owner) {
      return more.answer(from.ticket, unexpected(owner.error()));
    }
    if (!*owner) {
      return more.answer(from.ticket, refused(rpc_errc::username_not_occupied));
    }
    answer_resolved(from, **owner, rpc_errc::username_not_occupied, false, now, more);
  };
  find_username(username, limits::owner_patience_ms, out, resolved);
}

void finding_calls::answer_resolved(const call_context& from, user_id whom, rpc_errc otherwise, bool by_phone,
                                    unix_time now, entity_effects& out) {
  const std::vector<user_id> one{whom};
  core_.with(one, now, out, [this, from, whom, otherwise, by_phone](unix_time later, entity_effects& more) {
    if (!core_.is_self(whom)) {
      const card_ptr card = core_.card(whom);
      if (card != nullptr && !card->exists()) {
        return more.answer(from.ticket, refused(rpc_errc::rpc_call_fail));
      }
      const bool hidden = card == nullptr || card->deleted() ||
                          (by_phone && !allows(rules_of(*card, privacy_key::added_by_phone), core_.account.self,
                                               core_.relation(whom)->has_me()));
      if (hidden) {
        return more.answer(from.ticket, refused(otherwise));
      }
    }
    auto resolved = tl::make<tl::contacts_resolvedPeer>();
    resolved->peer = peer_view(whom);
    resolved->users.push_back(core_.view(whom, later));
    const fn::contacts_resolveUsername::result result = std::move(resolved);
    // Both functions have the same result.
    more.answer(from.ticket, result_of<fn::contacts_resolveUsername>(result, from.layer));
  });
}

void finding_calls::search(const call_context& from, const std::string& text, std::int32_t limit, entity_effects& out) {
  std::string wanted = folded(clean_line(text));
  const std::string username = wanted.starts_with('@') ? wanted.substr(1) : wanted;
  wanted = username;
  if (wanted.empty()) {
    return out.answer(from.ticket, refused(rpc_errc::search_query_empty));
  }
  const auto found_max = std::min(static_cast<std::size_t>(std::max(limit, 1)), limits::contacts_found_max);
  list_.read(out, [=, this](std::vector<contact_list::contact>& contacts, unix_time now, entity_effects& more) {
    std::vector<user_id> mine;
    for (const auto& each : contacts) {
      const auto& contact = each.relation.contact();
      // Names of contacts are in their rows; a username is known where the card is in memory, as it is for a
      // client that has asked for its contacts.
      const card_ptr card = core_.card(each.whom);
      if (has_word_with(folded(contact.first_name() + " " + contact.last_name()), wanted) ||
          (card != nullptr && folded(card->username()).starts_with(wanted))) {
        mine.push_back(each.whom);
        if (mine.size() >= found_max) {
          break;
        }
      }
    }
    if (!is_username(username)) {
      return answer_search(from, std::move(mine), std::nullopt, now, more);
    }
    // No longer than for the cards of those that are found otherwise.
    const auto finish = [=, this](const found_owner& owner, unix_time later, entity_effects& last) {
      answer_search(from, mine, owner.value_or(std::nullopt), later, last);
    };
    find_username(username, limits::card_patience_ms, more, finish);
  });
}

void finding_calls::answer_search(const call_context& from, std::vector<user_id> mine, std::optional<user_id> other,
                                  unix_time now, entity_effects& out) {
  std::vector<user_id> whom = mine;
  if (other) {
    whom.push_back(*other);
  }
  core_.with(
    whom, now, out,
    [this, from, mine, other](unix_time later, entity_effects& more) {
      auto found = tl::make<tl::contacts_found>();
      const auto add = [&](user_id each, std::vector<tl::box<tl::Peer>>& list) {
        const card_ptr card = core_.card(each);
        if (core_.is_self(each) || (card != nullptr && card->exists())) {
          list.push_back(peer_view(each));
          found->users.push_back(core_.view(each, later));
        }
      };
      for (const user_id each : mine) {
        add(each, found->my_results);
      }
      if (other && std::find(mine.begin(), mine.end(), *other) == mine.end()) {
        const Relation* relation = core_.is_self(*other) ? nullptr : core_.relation(*other);
        add(*other, relation != nullptr && relation->has_contact() ? found->my_results : found->results);
      }
      const fn::contacts_search::result result = std::move(found);
      more.answer(from.ticket, result_of<fn::contacts_search>(result, from.layer));
    },
    patience::brief);
}

} // namespace godwit::people
