#include <algorithm>

#include "actors/people/name_text.hpp"
#include "actors/people/people_parts.hpp"
#include "config/limits.hpp"
#include "protocol/tl/api/contacts_fn.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/text.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/updates.hpp"
#include "protocol/tl/api/user.hpp"
#include "protocol/tl/api/user_full.hpp"

namespace godwit::people {
namespace {

namespace fn = tl::fn;
using persistence::records::Contact;

/// Lets an account see the number, whatever the rule says of others. False: it does already, or the list is full.
bool show_phone_to(people_core& core, user_id whom, entity_effects& out) {
  PrivacyRules rules = core.privacy.rules(privacy_key::phone_number);
  const auto named = static_cast<std::size_t>(rules.allow_size() + rules.deny_size());
  if (core.privacy.lets(privacy_key::phone_number, whom, true) || named >= limits::privacy_users_max) {
    return false;
  }
  const std::vector<std::int64_t> denied(rules.deny().begin(), rules.deny().end());
  rules.clear_deny();
  for (const std::int64_t each : denied) {
    if (each != whom.value()) {
      rules.add_deny(each);
    }
  }
  rules.add_allow(whom.value());
  core.privacy.set(privacy_key::phone_number, std::move(rules), out);
  return true;
}

/// Whoever changed relations, in answer to a call.
template <class Function>
void answer_changed(people_core& core, const call_context& from, const std::vector<user_id>& whom, unix_time now,
                    entity_effects& out) {
  tl::box<tl::updates> updates = core.relation_updates(whom, now);
  core.tell_relations(*updates, whom, from.asker, now, out);
  const tl::box<tl::Updates> result = std::move(updates);
  out.answer(from.ticket, result_of<Function>(result, from.layer));
}

/// Nothing: the account cannot be a contact.
std::optional<rpc_errc> reason_against(const people_core& core, user_id whom) {
  const card_ptr card = core.card(whom);
  if (card == nullptr) {
    return rpc_errc::contact_id_invalid;
  }
  if (!card->exists()) {
    return rpc_errc::rpc_call_fail;
  }
  return card->deleted() ? std::optional(rpc_errc::input_user_deactivated) : std::nullopt;
}

} // namespace

void contact_calls::add(const call_context& from, const fn::contacts_addContact& what, entity_effects& out) {
  const auto whom = resolve_user(core_, what.id.get());
  if (!whom) {
    return out.answer(from.ticket, unexpected(whom.error()));
  }
  if (!core_.is_other(*whom)) {
    return out.answer(from.ticket, refused(rpc_errc::contact_id_invalid));
  }
  Contact contact;
  contact.set_first_name(cut_text(clean_line(what.first_name), limits::name_characters_max));
  contact.set_last_name(cut_text(clean_line(what.last_name), limits::name_characters_max));
  if (contact.first_name().empty() && contact.last_name().empty()) {
    return out.answer(from.ticket, refused(rpc_errc::contact_name_empty));
  }
  contact.set_phone(digits_of(what.phone).value_or(0));
  if (what.note != nullptr) {
    contact.set_note(cut_text(what.note->text, limits::contact_note_characters_max));
  }
  const bool show_phone = what.add_phone_privacy_exception;
  list_.with_contacts(from.now, out, [=, this](unix_time now, entity_effects& more) {
    const std::vector<user_id> one{*whom};
    core_.with(one, now, more, [=, this](unix_time later, entity_effects& last) {
      if (const auto reason = reason_against(core_, *whom)) {
        return last.answer(from.ticket, refused(*reason));
      }
      Relation relation = *core_.relation(*whom);
      const bool fresh = !relation.has_contact();
      if (fresh && list_.contacts() >= limits::contacts_max) {
        return last.answer(from.ticket, refused(rpc_errc::users_too_much));
      }
      Contact written = contact;
      // A number is kept only where its owner lets itself be found by it: a guess is no knowledge.
      const card_ptr card = core_.card(*whom);
      const bool named = written.phone() != 0 && written.phone() != relation.contact().phone();
      if (named && core_.phones.left(later) == 0) {
        return last.answer(from.ticket, refused(rpc_errc::flood_wait, core_.phones.seconds_left(later)));
      }
      const bool findable = allows(rules_of(*card, privacy_key::added_by_phone), core_.account.self, relation.has_me());
      if (written.phone() == 0 || written.phone() != card->phone() || !findable) {
        if (named) {
          core_.phones.take(later); // it tells that the number is another one
        }
        written.set_phone(relation.contact().phone());
      }
      written.set_added_at(fresh ? later : relation.contact().added_at());
      *relation.mutable_contact() = written;
      core_.relations.put(*whom, relation, last);
      const bool shown = show_phone && show_phone_to(core_, *whom, last);
      if (shown) {
        core_.put_profile(later, last);
      }
      if (fresh || shown) {
        core_.deliver_relation(*whom, show_phone, later, last);
      }
      answer_changed<fn::contacts_addContact>(core_, from, {*whom}, later, last);
    });
  });
}

/// The bar that offers to share one's number with a contact.
void contact_calls::accept(const call_context& from, const tl::InputUser* input, entity_effects& out) {
  const auto whom = resolve_user(core_, input);
  if (!whom) {
    return out.answer(from.ticket, unexpected(whom.error()));
  }
  if (!core_.is_other(*whom)) {
    return out.answer(from.ticket, refused(rpc_errc::contact_id_invalid));
  }
  const std::vector<user_id> one{*whom};
  core_.with(one, from.now, out, [this, from, whom = *whom](unix_time now, entity_effects& more) {
    if (const auto reason = reason_against(core_, whom)) {
      return more.answer(from.ticket, refused(*reason));
    }
    const Relation& relation = *core_.relation(whom);
    if (!core_.settings(whom, relation)->share_contact) {
      return more.answer(from.ticket, refused(rpc_errc::contact_req_missing));
    }
    if (!show_phone_to(core_, whom, more)) {
      return more.answer(from.ticket, refused(rpc_errc::privacy_too_long));
    }
    core_.put_profile(now, more);
    core_.deliver_relation(whom, true, now, more);
    answer_changed<fn::contacts_acceptContact>(core_, from, {whom}, now, more);
  });
}

/// Takes accounts out of the contacts; those that were in them.
std::vector<user_id> contact_calls::forget(std::span<const user_id> whom, unix_time now, entity_effects& out) {
  std::vector<user_id> gone;
  for (const user_id each : whom) {
    const Relation* known = core_.relation(each);
    if (known == nullptr || !known->has_contact()) {
      continue;
    }
    Relation relation = *known;
    relation.clear_contact();
    core_.relations.put(each, relation, out);
    core_.deliver_relation(each, false, now, out);
    gone.push_back(each);
  }
  return gone;
}

void contact_calls::remove(const call_context& from, const std::vector<tl::box<tl::InputUser>>& inputs,
                           entity_effects& out) {
  if (inputs.size() > limits::contacts_deleted_max) {
    return out.answer(from.ticket, refused(rpc_errc::input_request_too_long));
  }
  std::vector<user_id> whom;
  for (const auto& each : inputs) {
    const auto one = resolve_user(core_, each.get());
    if (!one) {
      return out.answer(from.ticket, unexpected(one.error()));
    }
    whom.push_back(*one);
  }
  core_.with(whom, from.now, out, [this, from, whom](unix_time now, entity_effects& more) {
    const std::vector<user_id> gone = forget(whom, now, more);
    answer_changed<fn::contacts_deleteContacts>(core_, from, gone, now, more);
  });
}

void contact_calls::remove_by_phones(const call_context& from, const std::vector<std::string>& phones,
                                     entity_effects& out) {
  if (phones.size() > limits::contacts_deleted_max) {
    return out.answer(from.ticket, refused(rpc_errc::input_request_too_long));
  }
  std::vector<std::uint64_t> numbers;
  for (const std::string& each : phones) {
    if (const auto number = digits_of(each)) {
      numbers.push_back(*number);
    }
  }
  std::sort(numbers.begin(), numbers.end());
  list_.read(out,
             [this, from, numbers](std::vector<contact_list::contact>& contacts, unix_time now, entity_effects& more) {
               std::vector<user_id> whom;
               for (const auto& each : contacts) {
                 const std::uint64_t phone = each.relation.contact().phone();
                 if (phone != 0 && std::binary_search(numbers.begin(), numbers.end(), phone)) {
                   whom.push_back(each.whom);
                 }
               }
               core_.with(whom, now, more, [this, from, whom](unix_time later, entity_effects& last) {
                 const std::vector<user_id> gone = forget(whom, later, last);
                 core_.tell_relations(*core_.relation_updates(gone, later), gone, from.asker, later, last);
                 last.answer(from.ticket, result_of<fn::contacts_deleteByPhones>(true, from.layer));
               });
             });
}

void contact_calls::relation_changed(std::uint64_t ticket, const command::Delivery& what, unix_time now,
                                     entity_effects& out) {
  const user_id from{what.from()};
  if (!core_.is_other(from)) {
    return out.answer(ticket, std::string{});
  }
  if (what.relation().has_card() && what.relation().card().user() == from.value()) {
    core_.learn(what.relation().card(), what.date());
  }
  const bool has_me = what.relation().contact();
  const bool hides = what.relation().blocked();
  // The sender's card is not waited for: nothing else comes from that shard meanwhile.
  core_.with_relation(from, now, out, [this, ticket, from, has_me, hides](unix_time later, entity_effects& more) {
    Relation relation = *core_.relation(from);
    if (relation.has_me() != has_me || relation.hides() != hides) {
      relation.set_has_me(has_me);
      relation.set_hides(hides);
      core_.relations.put(from, relation, more);
    }
    more.answer(ticket, std::string{});
    // Strangers in whose contacts it is are no news; whose number or status it sees now is.
    if (relation.has_contact() && !core_.account.ears.empty() && !core_.busy()) {
      tell_of(from, later, more);
    }
  });
}

/// Tells all sessions how a contact is seen now, as soon as its card is there.
void contact_calls::tell_of(user_id whom, unix_time now, entity_effects& out) {
  const std::vector<user_id> one{whom};
  core_.with(one, now, out, [this, one](unix_time later, entity_effects& more) {
    if (core_.card(one.front()) != nullptr) {
      core_.account.ears.tell(*core_.relation_updates(one, later), {}, more);
    }
  });
}

} // namespace godwit::people
