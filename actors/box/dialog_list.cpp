#include <algorithm>
#include <limits>
#include <unordered_set>
#include <utility>

#include "actors/box/box_views.hpp"
#include "actors/box/reading_calls.hpp"
#include "config/limits.hpp"
#include "protocol/tl/api/dialog.hpp"
#include "protocol/tl/api/dialog_fn.hpp"
#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/updates.hpp"
#include "protocol/tl/api/user.hpp"

namespace godwit::box {
namespace {

using persistence::records::Draft;
using persistence::records::UserBox;

struct found_dialog {
  user_id peer;
  Dialog dialog;
  std::optional<Draft> draft;
  std::optional<Message> top;
};

/// Dialogs on their way into an answer.
struct dialog_page {
  std::optional<rpc_error> error;
  std::vector<found_dialog> dialogs;
  people_list people;
  std::size_t bytes = 0; ///< on the wire, about
  std::vector<user_id> whom;
  UserBox box;
  bool whole = false;

  /// Nothing more is added.
  [[nodiscard]] bool full() const { return bytes >= limits::page_bytes_max; }
};

/// What a dialog takes on the wire beside its message and draft: sounds, mainly.
constexpr std::size_t dialog_bytes = 1024;

/// The dialog with its newest message. One without a message is of no use in a list: clients refuse it.
std::optional<found_dialog> read_listed(entity::row_reader& reader, user_id peer) {
  auto dialog = read_record<Dialog>(reader, records_table::dialog, peer_key(peer));
  if (!dialog || dialog->top_message() == 0) {
    return std::nullopt;
  }
  auto top = read_record<Message>(reader, records_table::message, message_key(peer, dialog->top_message()));
  if (!top) {
    return std::nullopt;
  }
  return found_dialog{peer, std::move(*dialog), {}, std::move(top)};
}

/// Adds a dialog, with its draft.
void add_dialog(entity::row_reader& reader, found_dialog found, dialog_page& page) {
  static const Message none;
  found.draft = read_record<Draft>(reader, records_table::draft, peer_key(found.peer));
  const std::size_t people_before = page.people.size();
  page.people.add(found.top ? *found.top : none, found.peer);
  page.bytes += dialog_bytes + person_bytes * (page.people.size() - people_before) +
                (found.top ? wire_bytes(*found.top) : 0) + (found.draft ? wire_bytes(*found.draft) : 0);
  page.dialogs.push_back(std::move(found));
}

void gather_people(dialog_page& page, user_id self) {
  if (std::any_of(page.dialogs.begin(), page.dialogs.end(),
                  [](const found_dialog& each) { return each.top && each.top->out(); })) {
    page.people.add(self);
  }
  page.whom = page.people.take();
}

struct listed_views {
  std::vector<tl::box<tl::Dialog>> dialogs;
  std::vector<tl::box<tl::Message>> messages;
  std::vector<tl::box<tl::User>> users;
};

listed_views views_of(const dialog_page& page, const box_core& core, const box_settings& settings, layer_t layer,
                      unix_time now) {
  listed_views views;
  for (const found_dialog& each : page.dialogs) {
    views.dialogs.push_back(dialog_view(each.peer, each.dialog, settings.is_pinned(each.peer),
                                        settings.notify_of(each.peer), each.draft, layer));
    if (each.top) {
      views.messages.push_back(message_view(core.account.self, each.peer, each.dialog.top_message(), *each.top, layer));
    }
  }
  core.people.add_views(views.users, page.whom, now);
  return views;
}

template <class View>
void take_views(View& view, listed_views views) {
  view.dialogs = std::move(views.dialogs);
  view.messages = std::move(views.messages);
  view.users = std::move(views.users);
}

/// Reads a page and answers with what `make` makes of it when the people in it are known.
void answer_dialogs(box_core& core, const call_context& from,
                    std::function<void(entity::row_reader&, dialog_page&)> read,
                    std::function<rpc_result<std::string>(const dialog_page&, unix_time)> make, entity_effects& out) {
  auto page = std::make_shared<dialog_page>();
  const user_id self = core.account.self;
  out.queries.push_back(
    {[page, self, read = std::move(read)](entity::row_reader& reader) {
       *page = dialog_page(); // a reader that was too busy begins again
       page->box = read_record<UserBox>(reader, records_table::user_box, std::string()).value_or(UserBox());
       read(reader, *page);
       gather_people(*page, self);
     },
     [page, &core, from, make = std::move(make)](unix_time now, entity_effects& more) {
       if (page->error) {
         more.answer(from.ticket, unexpected(*page->error));
         return;
       }
       core.people.with(page->whom, now, more, [page, from, make](unix_time later, entity_effects& last) {
         last.answer(from.ticket, make(*page, later));
       });
     }});
}

// --- the list ----------------------------------------------------------------------------------------

/// Where a page begins, and what it leaves out.
struct page_start {
  message_id below = above_all_messages; ///< newest messages of its dialogs
  unix_time date = 0;                    ///< instead: newest messages that are older
  user_id peer;                          ///< instead: what comes after this dialog
  bool first = true;
  std::vector<user_id> pinned; ///< on top of the first page
  std::unordered_set<std::int64_t> left_out;
  std::size_t limit = 0;
};

/// The peers whose newest message is below an id, a step of 256 ids at a time, newest step first, until there are
/// `wanted` of them. The first of the ids of the last step; 0: there are no more.
message_id read_steps(entity::row_reader& reader, message_id below, std::size_t wanted, std::vector<user_id>& peers) {
  const std::int64_t end_step = ((static_cast<std::int64_t>(below) - 1) >> 8) + 1;
  const std::int64_t end_id = end_step << 8;
  const user_id lowest{std::numeric_limits<std::int64_t>::min()};
  const std::string end =
    end_id > above_all_messages ? std::string() : order_key(static_cast<message_id>(end_id), lowest);
  message_id step = 0;
  bool more = false;
  reader.scan_back(records_table::dialog_order, std::string(), end, [&](std::string_view key, std::string_view) {
    const auto place = read_order_key(key);
    if (!place) {
      return true;
    }
    if (place->first != step && peers.size() >= wanted) {
      more = true;
      return false;
    }
    step = place->first;
    peers.push_back(place->peer);
    return true;
  });
  return more ? step : 0;
}

/// Adds what follows in the list to the page, newest first.
void read_list(entity::row_reader& reader, message_id below, const page_start& start, dialog_page& page, bool& more) {
  more = true;
  while (page.dialogs.size() < start.limit && !page.full() && more) {
    std::vector<user_id> peers;
    const message_id last_step = below <= 1 ? 0 : read_steps(reader, below, start.limit - page.dialogs.size(), peers);
    std::vector<std::pair<message_id, found_dialog>> step;
    for (const user_id peer : peers) {
      if (start.left_out.contains(peer.value())) {
        continue;
      }
      auto dialog = read_record<Dialog>(reader, records_table::dialog, peer_key(peer));
      if (dialog && dialog->top_message() != 0 && dialog->top_message() < below) {
        const message_id top = dialog->top_message();
        step.emplace_back(top, found_dialog{peer, std::move(*dialog), {}, {}});
      }
    }
    std::sort(step.begin(), step.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    more = last_step != 0;
    for (auto& [top, each] : step) {
      if (page.dialogs.size() == start.limit || page.full()) {
        more = true;
        break;
      }
      each.top = read_record<Message>(reader, records_table::message, message_key(each.peer, top));
      if (each.top) {
        add_dialog(reader, std::move(each), page);
      }
    }
    below = last_step;
  }
}

void read_page(entity::row_reader& reader, const page_start& start, dialog_page& page) {
  message_id below = start.below;
  if (start.date > 0) {
    box_messages list(reader);
    below = first_since(list, start.date);
  } else if (start.peer != user_id{}) {
    const auto dialog = read_record<Dialog>(reader, records_table::dialog, peer_key(start.peer));
    below = dialog && dialog->top_message() != 0 ? dialog->top_message() : above_all_messages;
  }
  bool more_pinned = false;
  if (start.first) {
    for (const user_id peer : start.pinned) {
      if (page.dialogs.size() == start.limit || page.full()) {
        more_pinned = true;
        break;
      }
      if (auto dialog = read_listed(reader, peer)) {
        add_dialog(reader, std::move(*dialog), page);
      }
    }
  }
  bool more = false;
  read_list(reader, below, start, page, more);
  page.whole = start.first && !more && !more_pinned && start.limit != 0;
}

/// Where a client's list ends, not whom it addresses: clients leave the access hash out. 0: it has no dialog here.
user_id peer_of_offset(const box_core& core, const tl::InputPeer& peer) {
  if (peer.kind() == tl::inputPeerSelf::kind_id) {
    return core.account.self;
  }
  const auto* user = tl::as<tl::inputPeerUser>(&peer);
  return user != nullptr ? user_id{user->user_id} : user_id{};
}

page_start start_of(const box_core& core, const box_settings& settings, const tl::fn::messages_getDialogs& what) {
  page_start start;
  start.limit = static_cast<std::size_t>(std::clamp(what.limit, 0, limits::dialogs_per_page_max));
  for (const user_id each : settings.pinned()) {
    start.left_out.insert(each.value());
    if (!what.exclude_pinned) {
      start.pinned.push_back(each);
    }
  }
  const bool anywhere = what.offset_peer == nullptr || what.offset_peer->kind() == tl::inputPeerEmpty::kind_id;
  user_id peer;
  if (!anywhere) {
    peer = peer_of_offset(core, *what.offset_peer);
  }
  start.first = what.offset_id <= 0 && what.offset_date <= 0 && anywhere;
  if (!anywhere && settings.is_pinned(peer)) {
    // The client saw pinned dialogs alone so far: the others begin with the newest.
    return start;
  }
  if (what.offset_id > 0) {
    start.below = what.offset_id;
  } else if (what.offset_date > 0) {
    start.date = what.offset_date;
  } else {
    start.peer = peer;
  }
  return start;
}

/// The archive, which is there and empty, or no folder at all.
std::optional<rpc_error> folder_error(std::int32_t folder) {
  return folder == 0 || folder == 1 ? std::nullopt : std::optional<rpc_error>(rpc_errc::folder_id_invalid);
}

/// messages.peerDialogs of the dialogs that `read` finds.
void answer_peer_dialogs(box_core& core, const box_settings& settings, const call_context& from,
                         std::function<void(entity::row_reader&, dialog_page&)> read, entity_effects& out) {
  answer_dialogs(
    core, from, std::move(read),
    [&core, &settings, from](const dialog_page& page, unix_time now) {
      tl::messages_peerDialogs view;
      take_views(view, views_of(page, core, settings, from.layer, now));
      view.state = state_view(page.box, from.now);
      return stored(view, from.layer);
    },
    out);
}

} // namespace

tl::box<tl::updates_state> state_view(const UserBox& box, unix_time date) {
  auto view = tl::make<tl::updates_state>();
  view->pts = std::max(box.pts(), 1);
  view->qts = box.qts();
  view->date = date;
  view->seq = 0;
  view->unread_count = box.unread();
  return view;
}

void get_dialogs(box_core& core, const box_settings& settings, const call_context& from,
                 const tl::fn::messages_getDialogs& what, entity_effects& out) {
  const std::int32_t folder = what.folder_id.value_or(0);
  if (const auto error = folder_error(folder)) {
    out.answer(from.ticket, unexpected(*error));
    return;
  }
  if (folder == 1) {
    out.answer(from.ticket, stored(tl::messages_dialogs(), from.layer));
    return;
  }
  answer_dialogs(
    core, from,
    [start = start_of(core, settings, what)](entity::row_reader& reader, dialog_page& page) {
      read_page(reader, start, page);
    },
    [&core, &settings, layer = from.layer](const dialog_page& page, unix_time now) {
      listed_views views = views_of(page, core, settings, layer, now);
      if (page.whole) {
        tl::messages_dialogs view;
        take_views(view, std::move(views));
        return stored(view, layer);
      }
      tl::messages_dialogsSlice view;
      view.count = page.box.dialogs();
      take_views(view, std::move(views));
      return stored(view, layer);
    },
    out);
}

void get_pinned_dialogs(box_core& core, const box_settings& settings, const call_context& from,
                        const tl::fn::messages_getPinnedDialogs& what, entity_effects& out) {
  if (const auto error = folder_error(what.folder_id)) {
    out.answer(from.ticket, unexpected(*error));
    return;
  }
  std::vector<user_id> peers = what.folder_id == 0 ? settings.pinned() : std::vector<user_id>();
  answer_peer_dialogs(
    core, settings, from,
    [peers = std::move(peers)](entity::row_reader& reader, dialog_page& page) {
      for (const user_id peer : peers) {
        if (auto dialog = read_listed(reader, peer)) {
          add_dialog(reader, std::move(*dialog), page);
        }
      }
    },
    out);
}

void get_peer_dialogs(box_core& core, const box_settings& settings, const call_context& from,
                      const tl::fn::messages_getPeerDialogs& what, entity_effects& out) {
  if (what.peers.size() > limits::ids_per_read_max) {
    out.answer(from.ticket, unexpected(rpc_error{rpc_errc::limit_invalid}));
    return;
  }
  std::vector<user_id> peers;
  for (const tl::box<tl::InputDialogPeer>& each : what.peers) {
    const auto* const named = tl::as<tl::inputDialogPeer>(each);
    if (named == nullptr) {
      continue; // a folder, which holds no dialog
    }
    const rpc_result<user_id> peer = core.people.resolve(named->peer.get());
    if (!peer) {
      out.answer(from.ticket, unexpected(peer.error()));
      return;
    }
    if (std::find(peers.begin(), peers.end(), *peer) == peers.end()) {
      peers.push_back(*peer);
    }
  }
  answer_peer_dialogs(
    core, settings, from,
    [peers = std::move(peers)](entity::row_reader& reader, dialog_page& page) {
      for (const user_id peer : peers) {
        if (page.full()) {
          return; // there are no slices of this: who misses one asks for it alone
        }
        found_dialog found{peer, {}, {}, {}};
        found.dialog = read_record<Dialog>(reader, records_table::dialog, peer_key(peer)).value_or(Dialog());
        if (const message_id top = found.dialog.top_message(); top != 0) {
          found.top = read_record<Message>(reader, records_table::message, message_key(peer, top));
        }
        add_dialog(reader, std::move(found), page);
      }
    },
    out);
}

void get_all_drafts(box_core& core, const call_context& from, entity_effects& out) {
  struct found_draft {
    user_id peer;
    Draft draft;
  };
  struct drafts {
    std::vector<found_draft> list;
    std::vector<user_id> whom;
    std::size_t bytes = 0;
  };
  auto found = std::make_shared<drafts>();
  out.queries.push_back(
    {[found](entity::row_reader& reader) {
       *found = drafts(); // a reader that was too busy begins again
       reader.scan(records_table::draft, std::string(), std::string(),
                   [&](std::string_view key, std::string_view value) {
                     found_draft each;
                     const auto peer = read_peer_key(key);
                     if (peer && each.draft.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
                       each.peer = *peer;
                       found->whom.push_back(*peer);
                       found->bytes += wire_bytes(each.draft) + person_bytes;
                       found->list.push_back(std::move(each));
                     }
                     return found->list.size() < limits::drafts_listed_max && found->bytes < limits::page_bytes_max;
                   });
     },
     [found, &core, from](unix_time now, entity_effects& more) {
       core.people.with(found->whom, now, more, [found, &core, from](unix_time later, entity_effects& last) {
         tl::updates view;
         for (const found_draft& each : found->list) {
           auto update = tl::make<tl::updateDraftMessage>();
           update->peer = peer_view(each.peer);
           update->draft = draft_view(each.draft, from.layer);
           view.updates_.push_back(std::move(update));
         }
         core.people.add_views(view.users, found->whom, later);
         view.date = from.now;
         last.answer(from.ticket, stored(view, from.layer));
       });
     }});
}

} // namespace godwit::box
