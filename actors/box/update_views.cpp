#include "actors/box/update_views.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "actors/box/box_views.hpp"
#include "actors/box/notify_book.hpp"
#include "actors/box/reading_calls.hpp"
#include "config/limits.hpp"
#include "protocol/tl/api/dialog.hpp"
#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/notify.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/user.hpp"

namespace godwit::box {
namespace {

/// Where updateUser begins, which has clients take the account anew.
constexpr layer_t layer_of_update_user = 151;

/// What an update takes on the wire beside what it is about; one that tells of sounds, or of names.
constexpr std::size_t update_bytes = 128;
constexpr std::size_t large_update_bytes = 1024;

update_kind kind_of(const found_update& what) { return static_cast<update_kind>(what.row.kind()); }

bool is_about_message(const found_update& what) {
  return kind_of(what) == update_kind::new_message || kind_of(what) == update_kind::edit_message;
}

std::optional<found_update> read_update(update_place at, std::string_view value) {
  found_update found{at, {}, {}, {}, {}};
  if (!found.row.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
    return std::nullopt;
  }
  return found;
}

/// The newest of the many rows beside one pts, in their order.
void scan_crowd(entity::row_reader& reader, std::int32_t pts, const update_bounds& bounds, update_page& page) {
  const std::size_t before = page.updates.size();
  std::size_t visited = 0;
  const auto take = [&](std::string_view key, std::string_view value) {
    const auto at = read_update_key(key);
    auto found = at ? read_update(*at, value) : std::nullopt;
    if (found && found->row.date() >= bounds.beside_since) {
      page.updates.push_back(std::move(*found));
    }
    return page.updates.size() - before < bounds.beside && ++visited < 2 * bounds.beside;
  };
  if (bounds.beside != 0) {
    reader.scan_back(records_table::update, update_key(pts, 1), update_key(pts + 1), take);
  }
  std::reverse(page.updates.begin() + static_cast<std::ptrdiff_t>(before), page.updates.end());
}

/// Rows of the log in their order, not yet what they are about. Where too many lie beside one pts the scan goes on
/// behind them.
void scan_updates(entity::row_reader& reader, std::int32_t pts, const update_bounds& bounds, update_page& page) {
  std::size_t moving = 0;
  std::size_t visited_beside = 0; // most may be older than the client
  std::optional<std::string> next = update_key(pts, 1);
  while (next) {
    const std::string from = std::move(*next);
    next.reset();
    std::size_t beside_one = 0;
    std::optional<std::int32_t> crowded;
    reader.scan(records_table::update, from, std::string(), [&](std::string_view key, std::string_view value) {
      const auto at = read_update_key(key);
      if (!at) {
        return true;
      }
      beside_one = at->beside == 0 ? 0 : beside_one + 1;
      if (beside_one > bounds.beside) {
        crowded = at->pts;
        return false;
      }
      visited_beside += at->beside == 0 ? 0 : 1;
      const bool many_beside = moving != 0 && bounds.beside != 0 &&
                               (page.updates.size() - moving >= bounds.beside || visited_beside >= 4 * bounds.beside);
      if (at->beside == 0 && (moving == bounds.moving || many_beside)) {
        page.more = true;
        return false;
      }
      auto found = read_update(*at, value);
      if (found && (at->beside == 0 || found->row.date() >= bounds.beside_since)) {
        moving += at->beside == 0 ? 1 : 0;
        page.updates.push_back(std::move(*found));
      }
      return true;
    });
    if (crowded) {
      std::erase_if(page.updates,
                    [&](const found_update& each) { return each.at.beside != 0 && each.at.pts == crowded; });
      scan_crowd(reader, *crowded, bounds, page);
      next = update_key(*crowded + 1);
    }
  }
}

/// Leaves the last of those that tell of the same thing.
void drop_repeated(std::vector<found_update>& updates) {
  std::set<std::tuple<std::uint32_t, std::int64_t, std::int32_t>> told;
  std::vector<found_update> kept;
  for (auto each = updates.rbegin(); each != updates.rend(); ++each) {
    if (each->at.beside == 0 || told.emplace(each->row.kind(), each->row.peer(), each->row.id()).second) {
      kept.push_back(std::move(*each));
    }
  }
  std::reverse(kept.begin(), kept.end());
  updates = std::move(kept);
}

/// Reads what an update is about, and what it takes on the wire with the accounts that nothing named before.
std::size_t read_subject(entity::row_reader& reader, found_update& what, people_list& whom) {
  static const Message none;
  const user_id peer{what.row.peer()};
  const std::size_t people_before = whom.size();
  std::size_t bytes = update_bytes + sizeof(message_id) * static_cast<std::size_t>(what.row.ids_size());
  if (is_about_message(what)) {
    what.message = read_record<Message>(reader, records_table::message, message_key(peer, what.row.id()));
    bytes += what.message ? wire_bytes(*what.message) : 0;
  } else if (kind_of(what) == update_kind::draft) {
    what.draft = read_record<persistence::records::Draft>(reader, records_table::draft, peer_key(peer));
    bytes += what.draft ? wire_bytes(*what.draft) : 0;
  } else if (kind_of(what) == update_kind::notify_settings && peer == user_id{}) {
    // The key of a sort is its number in one byte.
    what.notify = read_record<NotifySettings>(reader, records_table::notify_settings,
                                              std::string(1, static_cast<char>(what.row.id())))
                    .value_or(NotifySettings());
  }
  if (kind_of(what) == update_kind::notify_settings || kind_of(what) == update_kind::user_changed) {
    bytes += large_update_bytes;
  }
  whom.add(what.message ? *what.message : none, peer);
  return bytes + person_bytes * (whom.size() - people_before);
}

/// Reads what the updates are about, as far as the bounds allow. A page ends before an update with a pts.
void read_subjects(entity::row_reader& reader, const update_bounds& bounds, update_page& page, people_list& whom) {
  std::size_t bytes = 0;
  bool moved = false;
  for (auto each = page.updates.begin(); each != page.updates.end();) {
    if (each->at.beside == 0) {
      if (moved && (bytes >= bounds.bytes || whom.size() >= limits::difference_people_max)) {
        page.updates.erase(each, page.updates.end());
        page.more = true;
        return;
      }
      moved = true;
      bytes += read_subject(reader, *each++, whom);
    }
    const auto end =
      std::find_if(each, page.updates.end(), [](const found_update& other) { return other.at.beside == 0; });
    auto kept = end;
    for (std::size_t beside = 0; kept != each && beside < bounds.bytes / 2;) {
      const std::size_t one = read_subject(reader, *--kept, whom);
      beside += one;
      bytes += one;
    }
    const auto left = end - kept;
    each = page.updates.erase(each, kept) + left;
  }
}

void gather_people(update_page& page, people_list whom, user_id self) {
  if (std::any_of(page.updates.begin(), page.updates.end(),
                  [](const found_update& each) { return each.message && each.message->out(); })) {
    whom.add(self);
  }
  page.whom = whom.take();
}

template <class View>
tl::box<View> with_pts(tl::box<View> view, const found_update& what) {
  view->pts = what.at.pts;
  view->pts_count = std::max(1, what.row.count());
  return view;
}

tl::box<tl::Update> deletion_view(const found_update& what) {
  auto view = tl::make<tl::updateDeleteMessages>();
  if (is_about_message(what)) {
    view->messages.push_back(what.row.id());
  } else {
    view->messages.assign(what.row.ids().begin(), what.row.ids().end());
  }
  return with_pts(std::move(view), what);
}

template <class View>
tl::box<tl::Update> message_update(const found_update& what, user_id self, layer_t layer) {
  if (!what.message) {
    return deletion_view(what);
  }
  auto view = tl::make<View>();
  view->message = message_view(self, user_id{what.row.peer()}, what.row.id(), *what.message, layer);
  return with_pts(std::move(view), what);
}

tl::box<tl::Update> read_inbox_view(const found_update& what) {
  auto view = tl::make<tl::updateReadHistoryInbox>();
  view->peer = peer_view(user_id{what.row.peer()});
  view->max_id = what.row.id();
  view->still_unread_count = what.row.unread();
  return with_pts(std::move(view), what);
}

tl::box<tl::Update> read_outbox_view(const found_update& what) {
  auto view = tl::make<tl::updateReadHistoryOutbox>();
  view->peer = peer_view(user_id{what.row.peer()});
  view->max_id = what.row.id();
  return with_pts(std::move(view), what);
}

tl::box<tl::Update> pins_view(const found_update& what) {
  auto view = tl::make<tl::updatePinnedMessages>();
  view->pinned = what.row.on();
  view->peer = peer_view(user_id{what.row.peer()});
  view->messages.assign(what.row.ids().begin(), what.row.ids().end());
  return with_pts(std::move(view), what);
}

tl::box<tl::DialogPeer> dialog_peer(user_id peer) {
  auto view = tl::make<tl::dialogPeer>();
  view->peer = peer_view(peer);
  return view;
}

tl::box<tl::Update> draft_update(const found_update& what, layer_t layer) {
  auto view = tl::make<tl::updateDraftMessage>();
  view->peer = peer_view(user_id{what.row.peer()});
  view->draft = draft_view(what.draft.value_or(persistence::records::Draft()), layer);
  return view;
}

tl::box<tl::Update> pinned_dialogs_view(const box_settings& settings) {
  auto view = tl::make<tl::updatePinnedDialogs>();
  view->order.emplace();
  for (const user_id each : settings.pinned()) {
    view->order->push_back(dialog_peer(each));
  }
  return view;
}

tl::box<tl::Update> user_view(user_id who, const box_core& core, layer_t layer, unix_time now) {
  if (layer >= layer_of_update_user) {
    auto view = tl::make<tl::updateUser>();
    view->user_id = who.value();
    return view;
  }
  const tl::box<tl::User> shown = core.people.view(who, now);
  const auto* const user = tl::as<tl::user>(shown);
  if (user == nullptr) {
    return nullptr;
  }
  auto view = tl::make<tl::updateUserName>();
  view->user_id = who.value();
  view->first_name = user->first_name.value_or(std::string());
  view->last_name = user->last_name.value_or(std::string());
  view->username = user->username.value_or(std::string());
  return view;
}

/// Of updates without a pts, and as things are now, whatever they were when it happened.
tl::box<tl::Update> beside_view(const found_update& what, const box_core& core, const box_settings& settings,
                                layer_t layer, unix_time now) {
  const user_id peer{what.row.peer()};
  switch (kind_of(what)) {
  case update_kind::draft: return draft_update(what, layer);
  case update_kind::dialog_pinned: {
    auto view = tl::make<tl::updateDialogPinned>();
    view->pinned = settings.is_pinned(peer);
    view->peer = dialog_peer(peer);
    return view;
  }
  case update_kind::pinned_dialogs: return pinned_dialogs_view(settings);
  case update_kind::unread_mark: {
    auto view = tl::make<tl::updateDialogUnreadMark>();
    view->unread = what.row.on();
    view->peer = dialog_peer(peer);
    return view;
  }
  case update_kind::blocked: {
    auto view = tl::make<tl::updatePeerBlocked>();
    view->blocked = what.row.on();
    view->peer_id = peer_view(peer);
    return view;
  }
  case update_kind::user_changed: return user_view(peer, core, layer, now);
  case update_kind::notify_settings: {
    auto view = tl::make<tl::updateNotifySettings>();
    view->peer = notify_peer_view(peer, static_cast<notify_sort>(what.row.id()));
    view->notify_settings = notify_view(what.notify ? *what.notify : settings.notify_of(peer), layer);
    return view;
  }
  default: return nullptr;
  }
}

} // namespace

void read_updates(entity::row_reader& reader, user_id self, std::int32_t pts, const update_bounds& bounds,
                  update_page& page) {
  page = update_page(); // a reader that was too busy begins again
  page.box = read_record<persistence::records::UserBox>(reader, records_table::user_box, std::string())
               .value_or(persistence::records::UserBox());
  scan_updates(reader, pts, bounds, page);
  drop_repeated(page.updates);
  people_list whom;
  read_subjects(reader, bounds, page, whom);
  gather_people(page, std::move(whom), self);
  page.pts = std::max(page.box.pts(), 1);
  if (page.more) {
    const auto last = std::find_if(page.updates.rbegin(), page.updates.rend(),
                                   [](const found_update& each) { return each.at.beside == 0; });
    page.pts = last == page.updates.rend() ? pts : last->at.pts;
  }
}

void count_unread(std::vector<found_update>& updates, bool messages_first) {
  std::map<message_id, std::int64_t> unseen; // of incoming ones, which were counted until they went: the peer
  for (found_update& each : updates) {
    const std::int64_t peer = each.row.peer();
    if (kind_of(each) == update_kind::new_message && !each.message && !each.row.on()) {
      unseen.emplace(each.row.id(), peer);
    } else if (kind_of(each) == update_kind::delete_messages) {
      for (const message_id id : each.row.ids()) {
        unseen.erase(id);
      }
    } else if (kind_of(each) == update_kind::read_inbox) {
      const auto counted = std::count_if(unseen.upper_bound(each.row.id()), unseen.end(),
                                         [&](const auto& message) { return message.second == peer; });
      each.row.set_unread(std::max(0, each.row.unread() - static_cast<std::int32_t>(counted)));
    }
  }
  std::map<std::int64_t, std::int32_t> later;
  for (auto each = updates.rbegin(); messages_first && each != updates.rend(); ++each) {
    if (kind_of(*each) == update_kind::new_message && each->message && !each->message->out()) {
      ++later[each->row.peer()];
    } else if (kind_of(*each) == update_kind::read_inbox) {
      each->row.set_unread(each->row.unread() + later[each->row.peer()]);
    }
  }
}

tl::box<tl::Update> update_view(const found_update& what, const box_core& core, const box_settings& settings,
                                layer_t layer, unix_time now) {
  const user_id self = core.account.self;
  switch (kind_of(what)) {
  case update_kind::new_message: return message_update<tl::updateNewMessage>(what, self, layer);
  case update_kind::edit_message: return message_update<tl::updateEditMessage>(what, self, layer);
  case update_kind::delete_messages: return deletion_view(what);
  case update_kind::read_inbox: return read_inbox_view(what);
  case update_kind::read_outbox: return read_outbox_view(what);
  case update_kind::pin_messages: return pins_view(what);
  default: return beside_view(what, core, settings, layer, now);
  }
}

} // namespace godwit::box
