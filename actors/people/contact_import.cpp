#include <algorithm>
#include <map>
#include <set>

#include "actors/commands/account_commands.pb.h"
#include "actors/people/name_text.hpp"
#include "actors/people/people_parts.hpp"
#include "config/limits.hpp"
#include "protocol/tl/api/contacts.hpp"
#include "protocol/tl/api/contacts_fn.hpp"
#include "protocol/tl/api/text.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/updates.hpp"
#include "protocol/tl/api/user.hpp"

namespace godwit::people {

namespace fn = tl::fn;
using persistence::records::Contact;

/// One contacts.importContacts under way.
struct finding_calls::import {
  struct entry {
    std::int64_t client_id = 0;
    std::uint64_t number = 0;
    Contact contact;
  };

  call_context from;
  std::vector<entry> entries;
  std::vector<std::int64_t> retry;
  std::map<std::uint64_t, user_id> owners;
  std::set<std::uint64_t> unheard; ///< numbers of which nobody could tell whose they are
  std::size_t missing = 1;         ///< numbers, and one so that nothing runs before all are asked for
};

void finding_calls::find_phone(std::uint64_t number, entity_effects& out, owner_found then) {
  command::PhoneCommand question;
  question.set_number(number);
  question.mutable_find_owner();
  out.commands.push_back(
    {.to = {cluster::entity_kind::phone, cluster::scattered(number)},
     .body = question.SerializeAsString(),
     .token = 0,
     .then =
       [run = std::move(then)](const rpc_result<std::string>& what, unix_time now, entity_effects& more) {
         constexpr std::uint32_t owned = 2;
         if (!what && what.error().errc == rpc_errc::rpc_call_fail) {
           return run(unexpected(what.error()), now, more);
         }
         command::Claim claim;
         const bool certain = what && claim.ParseFromString(*what) && claim.state() == owned;
         run(certain && is_account_id(claim.user()) ? std::optional(user_id{claim.user()}) : std::nullopt, now, more);
       },
     .patience_ms = limits::owner_patience_ms});
}

void finding_calls::import_contacts(const call_context& from, const fn::contacts_importContacts& what,
                                    entity_effects& out) {
  auto under_way = std::make_shared<import>();
  under_way->from = from;
  for (const auto& each : what.contacts) {
    if (under_way->entries.size() >= limits::contacts_imported_max) {
      under_way->retry.push_back(each->client_id);
      continue;
    }
    const auto number = digits_of(each->phone);
    if (!number) {
      continue;
    }
    // Beyond what one day allows they are to be sent again: a list of all numbers is no address book.
    if (!under_way->owners.contains(*number)) {
      if (!core_.phones.take(from.now)) {
        under_way->retry.push_back(each->client_id);
        continue;
      }
      under_way->owners[*number] = {};
    }
    import::entry entry{each->client_id, *number, {}};
    entry.contact.set_first_name(cut_text(clean_line(each->first_name), limits::name_characters_max));
    entry.contact.set_last_name(cut_text(clean_line(each->last_name), limits::name_characters_max));
    entry.contact.set_phone(*number);
    if (each->note != nullptr) {
      entry.contact.set_note(cut_text(each->note->text, limits::contact_note_characters_max));
    }
    under_way->entries.push_back(std::move(entry));
  }
  list_.with_contacts(from.now, out, [this, under_way](unix_time now, entity_effects& more) {
    for (const auto& place : under_way->owners) {
      ++under_way->missing;
      const auto found = [this, under_way, number = place.first](const found_owner& owner, unix_time later,
                                                                 entity_effects& last) {
        if (!owner) {
          under_way->unheard.insert(number);
        } else if (*owner && !core_.is_self(**owner)) {
          under_way->owners[number] = **owner;
        }
        owners_found(under_way, later, last);
      };
      find_phone(place.first, more, found);
    }
    owners_found(under_way, now, more);
  });
}

void finding_calls::owners_found(const std::shared_ptr<import>& what, unix_time now, entity_effects& out) {
  if (--what->missing != 0) {
    return;
  }
  std::vector<user_id> whom;
  for (const auto& [number, owner] : what->owners) {
    if (owner.value() != 0) {
      whom.push_back(owner);
    }
  }
  core_.with(whom, now, out,
             [this, what](unix_time later, entity_effects& more) { write_imported(*what, later, more); });
}

void finding_calls::write_imported(import& what, unix_time now, entity_effects& out) {
  auto answer = tl::make<tl::contacts_importedContacts>();
  answer->retry_contacts = what.retry;
  std::vector<user_id> changed;
  for (import::entry& each : what.entries) {
    const user_id whom = what.owners[each.number];
    const card_ptr card = whom.value() == 0 ? nullptr : core_.card(whom);
    const Relation* known = whom.value() == 0 ? nullptr : core_.relation(whom);
    if (what.unheard.contains(each.number) || (card != nullptr && !card->exists())) {
      answer->retry_contacts.push_back(each.client_id);
      continue;
    }
    if (card == nullptr || known == nullptr || card->deleted() || card->phone() != each.number ||
        !allows(rules_of(*card, privacy_key::added_by_phone), core_.account.self, known->has_me())) {
      continue;
    }
    Relation relation = *known;
    const bool fresh = !relation.has_contact();
    if (fresh && list_.contacts() >= limits::contacts_max) {
      continue;
    }
    Contact& contact = each.contact;
    if (contact.first_name().empty() && contact.last_name().empty()) {
      contact.set_first_name(card->first_name());
      contact.set_last_name(card->last_name());
    }
    contact.set_added_at(fresh ? now : relation.contact().added_at());
    if (fresh || contact.SerializeAsString() != relation.contact().SerializeAsString()) {
      *relation.mutable_contact() = contact;
      core_.relations.put(whom, relation, out);
      changed.push_back(whom);
    }
    if (fresh) {
      core_.deliver_relation(whom, false, now, out);
    }
    auto imported = tl::make<tl::importedContact>();
    imported->user_id = whom.value();
    imported->client_id = each.client_id;
    answer->imported.push_back(std::move(imported));
  }
  std::vector<std::int64_t> shown;
  for (const auto& each : answer->imported) {
    if (std::find(shown.begin(), shown.end(), each->user_id) == shown.end()) {
      shown.push_back(each->user_id);
      answer->users.push_back(core_.view(user_id{each->user_id}, now));
    }
  }
  core_.tell_relations(*core_.relation_updates(changed, now), changed, what.from.asker, now, out);
  const fn::contacts_importContacts::result result = std::move(answer);
  out.answer(what.from.ticket, result_of<fn::contacts_importContacts>(result, what.from.layer));
}

void finding_calls::resolve_phone(const call_context& from, const std::string& phone, entity_effects& out) {
  const auto number = digits_of(phone);
  if (!number) {
    return out.answer(from.ticket, refused(rpc_errc::phone_not_occupied));
  }
  if (!core_.phones.take(from.now)) {
    return out.answer(from.ticket, refused(rpc_errc::flood_wait, core_.phones.seconds_left(from.now)));
  }
  find_phone(*number, out, [this, from](const found_owner& owner, unix_time now, entity_effects& more) {
    if (!owner) {
      return more.answer(from.ticket, unexpected(owner.error()));
    }
    if (!*owner) {
      return more.answer(from.ticket, refused(rpc_errc::phone_not_occupied));
    }
    answer_resolved(from, **owner, rpc_errc::phone_not_occupied, true, now, more);
  });
}

} // namespace godwit::people
