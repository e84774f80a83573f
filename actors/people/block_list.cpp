#include <algorithm>

#include "actors/people/peer_view.hpp"
#include "actors/people/people_parts.hpp"
#include "config/limits.hpp"
#include "protocol/tl/api/contacts.hpp"
#include "protocol/tl/api/contacts_fn.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/updates.hpp"
#include "protocol/tl/api/user.hpp"

namespace godwit::people {
namespace {

namespace fn = tl::fn;

tl::box<tl::updates> blocked_updates(const people_core& core, user_id whom, bool blocked, unix_time now) {
  auto update = tl::make<tl::updatePeerBlocked>();
  update->peer_id = peer_view(whom);
  update->blocked = blocked;
  auto updates = tl::make<tl::updates>();
  updates->date = now;
  updates->updates_.push_back(std::move(update));
  updates->users.push_back(core.view(whom, now));
  return updates;
}

} // namespace

void contact_calls::set_blocked(const call_context& from, const tl::InputPeer* input, bool blocked,
                                entity_effects& out) {
  const auto whom = resolve_peer(core_, input);
  if (!whom) {
    return out.answer(from.ticket, unexpected(whom.error()));
  }
  if (!core_.is_other(*whom)) {
    return out.answer(from.ticket, refused(rpc_errc::contact_id_invalid));
  }
  list_.with_blocked(from.now, out, [=, this](unix_time now, entity_effects& more) {
    // Its card is not waited for: who cannot be reached can be blocked, as long as it was shown to the client once.
    core_.with_relation(*whom, now, more, [=, this](unix_time later, entity_effects& last) {
      Relation relation = *core_.relation(*whom);
      if ((relation.blocked_at() != 0) != blocked) {
        if (blocked && list_.blocked() >= limits::blocked_max) {
          return last.answer(from.ticket, refused(rpc_errc::users_too_much));
        }
        relation.set_blocked_at(blocked ? later : 0);
        core_.relations.put(*whom, relation, last);
        core_.deliver_relation(*whom, false, later, last);
        if (core_.account.note_beside) {
          core_.account.note_beside(update_kind::blocked, whom->value(), 0, blocked, later, last);
        }
        tell_blocked(*whom, from.asker, later, last);
      }
      // Both functions have the same result.
      last.answer(from.ticket, result_of<fn::contacts_block>(true, from.layer));
    });
  });
}

/// Tells the other sessions, as soon as there is a card to show.
void contact_calls::tell_blocked(user_id whom, const listener_id& but, unix_time now, entity_effects& out) {
  if (core_.account.ears.empty()) {
    return;
  }
  const std::vector<user_id> one{whom};
  core_.with(one, now, out, [this, whom, but](unix_time later, entity_effects& more) {
    const bool blocked = core_.relation(whom)->blocked_at() != 0; // as it is by now
    core_.account.ears.tell(*blocked_updates(core_, whom, blocked, later), but, more);
  });
}

void contact_calls::get_blocked(const call_context& from, std::int32_t offset, std::int32_t limit,
                                entity_effects& out) {
  struct page {
    std::vector<blocked_place> places;
    std::size_t count = 0;
  };
  const auto skipped = static_cast<std::size_t>(std::max(offset, 0));
  const auto wanted = std::min(static_cast<std::size_t>(std::max(limit, 0)), limits::blocked_page_max);
  auto found = std::make_shared<page>();
  core_.query(
    [found, skipped, wanted](entity::row_reader& rows) {
      rows.scan(records_table::user_blocked, {}, {}, [&](std::string_view key, std::string_view) {
        const auto place = read_blocked_key(key);
        if (place && found->count++ >= skipped && found->places.size() < wanted) {
          found->places.push_back(*place);
        }
        return true;
      });
    },
    out,
    [this, from, found](unix_time now, entity_effects& more) {
      std::vector<user_id> whom;
      for (const blocked_place& each : found->places) {
        whom.push_back(each.whom);
      }
      core_.with(
        whom, now, more,
        [this, from, found](unix_time later, entity_effects& last) {
          std::vector<tl::box<tl::peerBlocked>> blocked;
          std::vector<tl::box<tl::User>> users;
          for (const auto& [at, who] : found->places) {
            auto each = tl::make<tl::peerBlocked>();
            each->peer_id = peer_view(who);
            each->date = at;
            blocked.push_back(std::move(each));
            users.push_back(core_.view(who, later));
          }
          fn::contacts_getBlocked::result answer;
          if (found->places.size() == found->count) {
            auto all = tl::make<tl::contacts_blocked>();
            all->blocked = std::move(blocked);
            all->users = std::move(users);
            answer = std::move(all);
          } else {
            auto slice = tl::make<tl::contacts_blockedSlice>();
            slice->count = static_cast<std::int32_t>(found->count);
            slice->blocked = std::move(blocked);
            slice->users = std::move(users);
            answer = std::move(slice);
          }
          last.answer(from.ticket, result_of<fn::contacts_getBlocked>(answer, from.layer));
        },
        patience::brief);
    });
}

} // namespace godwit::people
