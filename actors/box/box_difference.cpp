#include "actors/box/box_difference.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

#include "actors/box/box_views.hpp"
#include "actors/box/reading_calls.hpp"
#include "actors/box/update_views.hpp"
#include "config/limits.hpp"
#include "persistence/base/mutant.hpp"
#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/updates.hpp"
#include "protocol/tl/api/updates_fn.hpp"
#include "protocol/tl/api/user.hpp"

namespace godwit::box {
namespace {

/// What a push of missed updates may hold; more come in another one.
constexpr std::size_t replay_bytes = 256 << 10;

update_bounds difference_bounds(const tl::fn::updates_getDifference& what) {
  update_bounds bounds{limits::difference_updates_max, limits::difference_bytes_max, limits::difference_beside_max,
                       what.date};
  if (what.pts_limit.value_or(0) > 0) {
    bounds.moving = std::min(bounds.moving, static_cast<std::size_t>(*what.pts_limit));
  }
  return bounds;
}

/// The parts of a difference. It tells of a message once, as it is now, and of its last edit alone.
struct difference_parts {
  std::vector<tl::box<tl::Message>> messages;
  std::vector<tl::box<tl::Update>> updates;
};

/// Where each message was edited last.
std::map<message_id, std::size_t> last_edits(const std::vector<found_update>& updates) {
  std::map<message_id, std::size_t> last;
  for (std::size_t place = 0; place < updates.size(); ++place) {
    if (updates[place].row.kind() == static_cast<std::uint32_t>(update_kind::edit_message)) {
      last[updates[place].row.id()] = place;
    }
  }
  return last;
}

difference_parts parts_of(update_page& page, const box_core& core, const box_settings& settings, layer_t layer,
                          unix_time now) {
  difference_parts parts;
  const std::map<message_id, std::size_t> edits = last_edits(page.updates);
  // By the time that a client takes a reading, it has also taken the messages that came after it.
  count_unread(page.updates, true);
  for (std::size_t place = 0; place < page.updates.size(); ++place) {
    const found_update& each = page.updates[place];
    const auto kind = static_cast<update_kind>(each.row.kind());
    const bool about_message = kind == update_kind::new_message || kind == update_kind::edit_message;
    if (about_message && !each.message) {
      continue; // its deletion comes later
    }
    if (kind == update_kind::new_message) {
      parts.messages.push_back(
        message_view(core.account.self, user_id{each.row.peer()}, each.row.id(), *each.message, layer));
    } else if (kind != update_kind::edit_message || edits.at(each.row.id()) == place) {
      if (auto view = update_view(each, core, settings, layer, now)) {
        parts.updates.push_back(std::move(view));
      }
    }
  }
  return parts;
}

template <class View>
void fill(View& view, difference_parts parts, const update_page& page, const box_core& core, unix_time now) {
  view.new_messages = std::move(parts.messages);
  view.other_updates = std::move(parts.updates);
  core.people.add_views(view.users, page.whom, now);
}

/// A push of what was missed.
struct told_part {
  std::vector<tl::box<tl::Update>> list;
  std::vector<user_id> whom;

  void add(const found_update& what, tl::box<tl::Update> view, user_id self) {
    if (view == nullptr) {
      return;
    }
    list.push_back(std::move(view));
    if (what.message) {
      add_people(*what.message, user_id{what.row.peer()}, whom);
      if (what.message->out()) {
        whom.push_back(self);
      }
    } else {
      whom.push_back(user_id{what.row.peer()});
    }
  }
};

/// A call for the difference that is under way.
struct difference_call {
  std::int32_t pts = 0;
  std::int32_t date = 0;
  std::int32_t total_limit = 0; ///< 0: none
  update_page page;
};

/// It says where it leads, and not what it tells of: a client that asked because answers came ahead of pushes hears
/// those all the same, so that whoever counts what it was pushed, and what it was answered, finds no hole.
void answer_difference(difference_call& call, const call_context& from, const box_core& core,
                       const box_settings& settings, unix_time now, entity_effects& out) {
  update_page& page = call.page;
  difference_parts parts = parts_of(page, core, settings, from.layer, now);
  if (page.pts == call.pts && parts.messages.empty() && parts.updates.empty()) {
    tl::updates_differenceEmpty view;
    view.date = from.now;
    out.answer(from.ticket, stored(view, from.layer), page.pts);
    return;
  }
  // A client that is ahead of its box gets the box's pts, with nothing in between: the clients that can go back do so,
  // and an error would have others ask for ever.
  // The date is of the call, not of the answer: what happens beside the pts from now on counts as later.
  tl::box<tl::updates_state> state = state_view(page.box, from.now);
  state->pts = page.pts;
  if (page.more) {
    // The client keeps its date: what lies beside later updates may be older than this answer.
    state->date = call.date;
    tl::updates_differenceSlice view;
    fill(view, std::move(parts), page, core, now);
    view.intermediate_state = std::move(state);
    out.answer(from.ticket, stored(view, from.layer), page.pts);
    return;
  }
  tl::updates_difference view;
  fill(view, std::move(parts), page, core, now);
  view.state = std::move(state);
  out.answer(from.ticket, stored(view, from.layer), page.pts);
}

} // namespace

bool box_difference::takes(std::uint32_t kind) {
  return kind == tl::fn::updates_getState::kind_id || kind == tl::fn::updates_getDifference::kind_id;
}

bool box_difference::call(const call_context& from, const tl::fn::function& what, entity_effects& out) {
  if (tl::as<tl::fn::updates_getState>(&what) != nullptr) {
    const persistence::records::UserBox& box = core_.account.box;
    out.answer(from.ticket, stored(*state_view(box, from.now), from.layer), std::max(box.pts(), 1));
    return true;
  }
  if (const auto* const difference = tl::as<tl::fn::updates_getDifference>(&what)) {
    get_difference(from, *difference, out);
    return true;
  }
  return false;
}

void box_difference::get_difference(const call_context& from, const tl::fn::updates_getDifference& what,
                                    entity_effects& out) {
  if (what.pts <= 0) {
    out.answer(from.ticket, unexpected(rpc_error{what.pts == 0 ? rpc_errc::persistent_timestamp_empty
                                                               : rpc_errc::persistent_timestamp_invalid}));
    return;
  }
  auto call = std::make_shared<difference_call>();
  call->pts = what.pts;
  call->date = what.date;
  call->total_limit = std::max(what.pts_total_limit.value_or(0), 0);
  out.queries.push_back({[call, self = core_.account.self, bounds = difference_bounds(what)](
                           entity::row_reader& reader) { read_updates(reader, self, call->pts, bounds, call->page); },
                         [this, call, from](unix_time now, entity_effects& more) {
                           const std::int32_t pts = std::max(call->page.box.pts(), 1);
                           if (call->total_limit != 0 && pts - call->pts > call->total_limit) {
                             tl::updates_differenceTooLong view;
                             view.pts = pts;
                             more.answer(from.ticket, stored(view, from.layer), pts);
                             return;
                           }
                           core_.people.with(call->page.whom, now, more,
                                             [this, call, from](unix_time later, entity_effects& last) {
                                               answer_difference(*call, from, core_, settings_, later, last);
                                             });
                         }});
}

// --- replay ------------------------------------------------------------------------------------------
//
// A listener that catches up hears live nothing that moves the pts. It is told in rounds: a query reads what came
// after the pts it has, the logic tells it, until the box's pts is the one that was read. Then, in the same call of the
// logic, it hears live again. No update is lost or told twice between the two:
// - What was decided before the flag is cleared was read by the last round, for queries see rows from the moment that
//   they are decided, and no round ends with a pts behind the box's. What is decided after it is told live.
// - Each update that moves the pts is a message of its own: its session may have been told of some of them by answers,
//   and leaves those out.
// - All messages leave in the order in which the logic made them, each after the rows that were decided before it are
//   applied. So a round's message, which may tell of rows that are not applied yet, leaves after they are, and before
//   the messages of later decisions.

void box_difference::replay(const entity::listener_id& who, std::int32_t pts, unix_time /*now*/, entity_effects& out) {
  stop(who);
  people::listener* const whom = core_.account.ears.find(who);
  if (whom == nullptr) {
    return;
  }
  whom->catching_up = false;
  if (persistence::mutated(persistence::mutant::subscription_without_replay)) {
    return;
  }
  const persistence::records::UserBox& box = core_.account.box;
  if (pts <= 0 || (pts == box.pts() && box.updates_beside() == 0)) {
    return;
  }
  if (pts > box.pts()) {
    // No box can be behind its client. Whatever happened, the difference puts it right.
    people::listeners::tell_one(*whom, tl::updatesTooLong(), out);
    return;
  }
  runs_.push_back({who, ++last_run_});
  whom->catching_up = true;
  if (box.pts() - pts > limits::replay_updates_max) {
    go_on(run(runs_.back()), pts, false, out);
  } else {
    read_on(runs_.back(), pts, true, out);
  }
}

void box_difference::read_on(const run& which, std::int32_t pts, bool beside, entity_effects& out) {
  auto page = std::make_shared<update_page>();
  const update_bounds bounds{static_cast<std::size_t>(limits::replay_updates_max), replay_bytes,
                             beside ? static_cast<std::size_t>(limits::replay_updates_max) : 0, 0};
  out.queries.push_back({[page, self = core_.account.self, pts, bounds](entity::row_reader& reader) {
                           read_updates(reader, self, pts, bounds, *page);
                         },
                         [this, page, which, pts, beside](unix_time now, entity_effects& more) {
                           core_.people.with(page->whom, now, more,
                                             [this, page, which, pts, beside](unix_time later, entity_effects& last) {
                                               tell(which, *page, pts, beside, later, last);
                                             });
                         }});
}

void box_difference::tell(const run& which, update_page& page, std::int32_t pts, bool beside, unix_time now,
                          entity_effects& out) {
  const people::listener* const whom = listener_of(which);
  if (whom == nullptr) {
    return;
  }
  // This, and nothing else, reaches it while it catches up.
  people::listener open = *whom;
  open.catching_up = false;
  count_unread(page.updates, false);
  std::int32_t told = pts;
  told_part part;
  const auto tell_part = [&](std::int32_t to) {
    if (part.list.empty() && to == told) {
      return;
    }
    tl::updates view;
    view.updates_ = std::move(part.list);
    core_.people.add_views(view.users, part.whom, now);
    view.date = now;
    people::listeners::tell_one(open, view, out, to > told ? to : 0, to - told);
    told = to;
    part = {};
  };
  for (const found_update& each : page.updates) {
    if (each.at.beside == 0) {
      tell_part(told); // what lies beside the one before
    }
    part.add(each, update_view(each, core_, settings_, open.layer, now), core_.account.self);
    if (each.at.beside == 0 && !part.list.empty()) {
      tell_part(each.at.pts);
    }
  }
  tell_part(std::max(told, page.pts));
  // What happens beside the pts is heard live; what lies beside updates that this page did not reach was not.
  go_on(which, page.pts, beside && page.more, out);
}

void box_difference::go_on(const run& which, std::int32_t pts, bool beside, entity_effects& out) {
  people::listener* const whom = listener_of(which);
  if (whom == nullptr) {
    return;
  }
  const std::int32_t behind = core_.account.box.pts() - pts;
  if (behind > 0 && behind <= limits::replay_updates_max) {
    read_on(run(which), pts, beside, out);
    return;
  }
  whom->catching_up = false;
  if (behind > 0) {
    people::listeners::tell_one(*whom, tl::updatesTooLong(), out, core_.account.box.pts(), behind);
  }
  stop(whom->id);
}

people::listener* box_difference::listener_of(const run& which) {
  const bool current =
    std::any_of(runs_.begin(), runs_.end(), [&](const run& each) { return each.number == which.number; });
  people::listener* const whom = current ? core_.account.ears.find(which.who) : nullptr;
  if (current && whom == nullptr) {
    stop(which.who);
  }
  return whom;
}

void box_difference::stop(const entity::listener_id& who) {
  std::erase_if(runs_, [&](const run& each) { return each.who == who; });
}

} // namespace godwit::box
