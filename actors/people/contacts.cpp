#include <algorithm>
#include <array>
#include <limits>

#include "actors/people/people_parts.hpp"
#include "config/limits.hpp"
#include "protocol/tl/api/contacts.hpp"
#include "protocol/tl/api/contacts_fn.hpp"
#include "protocol/tl/api/user.hpp"

namespace godwit::people {
namespace {

namespace fn = tl::fn;

/// https://core.telegram.org/api/offsets#hash-generation over the ids in their order.
std::int64_t hash_of(const std::vector<contact_list::contact>& contacts) {
  std::uint64_t hash = 0;
  for (const auto& each : contacts) {
    hash ^= hash >> 21;
    hash ^= hash << 35;
    hash ^= hash >> 4;
    hash += static_cast<std::uint64_t>(each.whom.value());
  }
  return static_cast<std::int64_t>(hash);
}

std::vector<user_id> ids_of(const std::vector<contact_list::contact>& contacts) {
  std::vector<user_id> ids;
  ids.reserve(contacts.size());
  for (const auto& each : contacts) {
    ids.push_back(each.whom);
  }
  return ids;
}

} // namespace

std::span<const std::uint32_t> contact_calls::kinds() {
  static constexpr std::array<std::uint32_t, 10> all{
    fn::contacts_getContacts::kind_id,    fn::contacts_getContactIDs::kind_id, fn::contacts_getStatuses::kind_id,
    fn::contacts_addContact::kind_id,     fn::contacts_acceptContact::kind_id, fn::contacts_deleteContacts::kind_id,
    fn::contacts_deleteByPhones::kind_id, fn::contacts_block::kind_id,         fn::contacts_unblock::kind_id,
    fn::contacts_getBlocked::kind_id};
  return all;
}

bool contact_calls::call(const call_context& from, const fn::function& what, entity_effects& out) {
  if (const auto* get = tl::as<fn::contacts_getContacts>(&what)) {
    get_contacts(from, get->hash, out);
  } else if (tl::as<fn::contacts_getContactIDs>(&what) != nullptr) {
    get_contact_ids(from, out);
  } else if (tl::as<fn::contacts_getStatuses>(&what) != nullptr) {
    get_statuses(from, out);
  } else if (const auto* addition = tl::as<fn::contacts_addContact>(&what)) {
    add(from, *addition, out);
  } else if (const auto* acceptance = tl::as<fn::contacts_acceptContact>(&what)) {
    accept(from, acceptance->id.get(), out);
  } else if (const auto* removal = tl::as<fn::contacts_deleteContacts>(&what)) {
    remove(from, removal->id, out);
  } else if (const auto* by_phones = tl::as<fn::contacts_deleteByPhones>(&what)) {
    remove_by_phones(from, by_phones->phones, out);
  } else if (const auto* block = tl::as<fn::contacts_block>(&what)) {
    if (block->my_stories_from) {
      out.answer(from.ticket, refused(rpc_errc::method_invalid)); // there are no stories to be kept from anybody
    } else {
      set_blocked(from, block->id.get(), true, out);
    }
  } else if (const auto* unblock = tl::as<fn::contacts_unblock>(&what)) {
    if (unblock->my_stories_from) {
      out.answer(from.ticket, refused(rpc_errc::method_invalid));
    } else {
      set_blocked(from, unblock->id.get(), false, out);
    }
  } else if (const auto* blocked = tl::as<fn::contacts_getBlocked>(&what)) {
    if (blocked->my_stories_from) {
      out.answer(from.ticket, result_of<fn::contacts_getBlocked>(
                                tl::box<tl::contacts_Blocked>(tl::make<tl::contacts_blocked>()), from.layer));
    } else {
      get_blocked(from, blocked->offset, blocked->limit, out);
    }
  } else {
    return false;
  }
  return true;
}

void contact_calls::get_contacts(const call_context& from, std::int64_t hash, entity_effects& out) {
  list_.read(
    out, [this, from, hash](std::vector<contact_list::contact>& contacts, unix_time now, entity_effects& more) {
      using result = fn::contacts_getContacts::result;
      if (hash != 0 && hash == hash_of(contacts)) {
        const result same = tl::make<tl::contacts_contactsNotModified>();
        return more.answer(from.ticket, result_of<fn::contacts_getContacts>(same, from.layer));
      }
      auto list = std::make_shared<std::vector<contact_list::contact>>(std::move(contacts));
      core_.with_cards(ids_of(*list), now, more, [this, from, list](const auto& cards, unix_time later, auto& last) {
        auto all = tl::make<tl::contacts_contacts>();
        for (std::size_t i = 0; i < list->size(); ++i) {
          const auto& [whom, relation] = (*list)[i];
          if (cards[i] == nullptr) {
            continue;
          }
          auto contact = tl::make<tl::contact>();
          contact->user_id = whom.value();
          contact->mutual = relation.has_me();
          all->contacts.push_back(std::move(contact));
          all->users.push_back(core_.view(whom, *cards[i], relation, later));
        }
        const result answer = std::move(all);
        last.answer(from.ticket, result_of<fn::contacts_getContacts>(answer, from.layer));
      });
    });
}

/// The answer has 32 bits for each id: accounts with larger ones cannot be told this way.
void contact_calls::get_contact_ids(const call_context& from, entity_effects& out) {
  list_.read(out, [from](std::vector<contact_list::contact>& contacts, unix_time, entity_effects& more) {
    std::vector<std::int32_t> ids;
    for (const auto& each : contacts) {
      if (each.whom.value() <= std::numeric_limits<std::int32_t>::max()) {
        ids.push_back(static_cast<std::int32_t>(each.whom.value()));
      }
    }
    more.answer(from.ticket, result_of<fn::contacts_getContactIDs>(ids, from.layer));
  });
}

void contact_calls::get_statuses(const call_context& from, entity_effects& out) {
  list_.read(out, [this, from](std::vector<contact_list::contact>& contacts, unix_time now, entity_effects& more) {
    auto list = std::make_shared<std::vector<contact_list::contact>>(std::move(contacts));
    core_.with_cards(ids_of(*list), now, more, [this, from, list](const auto& cards, unix_time later, auto& last) {
      fn::contacts_getStatuses::result statuses;
      for (std::size_t i = 0; i < list->size(); ++i) {
        const auto& [whom, relation] = (*list)[i];
        if (cards[i] == nullptr || !cards[i]->exists() || cards[i]->deleted()) {
          continue;
        }
        auto status = tl::make<tl::contactStatus>();
        status->user_id = whom.value();
        status->status = core_.status(whom, *cards[i], relation, later);
        statuses.push_back(std::move(status));
      }
      last.answer(from.ticket, result_of<fn::contacts_getStatuses>(statuses, from.layer));
    });
  });
}

} // namespace godwit::people
