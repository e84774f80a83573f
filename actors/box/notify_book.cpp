#include "actors/box/notify_book.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "actors/box/box_calls.hpp"
#include "actors/box/box_views.hpp"
#include "config/limits.hpp"
#include "protocol/tl/api/channels.hpp"
#include "protocol/tl/api/notify.hpp"
#include "protocol/tl/api/notify_fn.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/user.hpp"

namespace godwit::box {
namespace {

namespace fn = tl::fn;

constexpr notify_sort all_sorts[] = {notify_sort::users, notify_sort::chats, notify_sort::broadcasts};

/// As an account begins: everything rings.
const NotifySettings& first_settings() {
  static const NotifySettings settings = [] {
    NotifySettings first;
    first.set_show_previews(true);
    first.set_silent(false);
    first.set_mute_until(0);
    return first;
  }();
  return settings;
}

std::string sort_key(notify_sort sort) { return std::string(1, static_cast<char>(sort)); }

/// Nothing for a sound that cannot be kept. The default is told by keeping none.
bool take_sound(const tl::NotificationSound* from, NotifySettings& to) {
  if (from == nullptr || from->kind() == tl::notificationSoundDefault::kind_id) {
    return true;
  }
  if (from->kind() == tl::notificationSoundNone::kind_id) {
    to.set_sound(0);
    return true;
  }
  if (const auto* local = tl::as<tl::notificationSoundLocal>(from)) {
    if (local->title.empty() || local->title.size() > limits::sound_text_bytes_max ||
        local->data.size() > limits::sound_text_bytes_max) {
      return false;
    }
    to.set_sound(0);
    to.set_sound_title(local->title);
    to.set_sound_data(local->data);
    return true;
  }
  return false; // a ringtone: none was ever stored here
}

std::optional<NotifySettings> take_settings(const tl::inputPeerNotifySettings& from) {
  NotifySettings to;
  if (from.show_previews) {
    to.set_show_previews(*from.show_previews);
  }
  if (from.silent) {
    to.set_silent(*from.silent);
  }
  if (from.mute_until) {
    to.set_mute_until(std::max(0, *from.mute_until));
  }
  if (from.stories_muted) {
    to.set_stories_muted(*from.stories_muted);
  }
  if (from.stories_hide_sender) {
    to.set_stories_hide_sender(*from.stories_hide_sender);
  }
  if (!take_sound(from.sound.get(), to)) {
    return std::nullopt;
  }
  return to;
}

/// What a sort leaves unset is as in the beginning.
NotifySettings completed(const NotifySettings& from) {
  NotifySettings all = first_settings();
  all.MergeFrom(from);
  return all;
}

bool same(const NotifySettings& one, const NotifySettings& other) {
  return one.SerializeAsString() == other.SerializeAsString();
}

} // namespace

tl::box<tl::NotifyPeer> notify_peer_view(user_id peer, notify_sort sort) {
  if (peer != user_id{}) {
    auto view = tl::make<tl::notifyPeer>();
    view->peer = peer_view(peer);
    return view;
  }
  switch (sort) {
  case notify_sort::chats: return tl::make<tl::notifyChats>();
  case notify_sort::broadcasts: return tl::make<tl::notifyBroadcasts>();
  case notify_sort::users: break;
  }
  return tl::make<tl::notifyUsers>();
}

bool notify_book::load(std::string_view sub_key, std::string_view value) {
  NotifySettings settings;
  if (!settings.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
    return false;
  }
  if (const auto peer = read_peer_key(sub_key)) {
    peers_[peer->value()] = std::move(settings);
    return true;
  }
  if (sub_key.size() != 1 || sub_key[0] < 1 || sub_key[0] > 3) {
    return false;
  }
  sorts_[static_cast<notify_sort>(sub_key[0])] = std::move(settings);
  return true;
}

const NotifySettings& notify_book::of(user_id peer) const {
  static const NotifySettings none;
  const auto found = peers_.find(peer.value());
  return found == peers_.end() ? none : found->second;
}

const NotifySettings& notify_book::of(notify_sort sort) const {
  const auto found = sorts_.find(sort);
  return found == sorts_.end() ? first_settings() : found->second;
}

rpc_result<notify_book::target> notify_book::resolve(const tl::InputNotifyPeer* what) const {
  target whom;
  switch (what == nullptr ? 0 : what->kind()) {
  case tl::inputNotifyUsers::kind_id: whom.sort = notify_sort::users; return whom;
  case tl::inputNotifyChats::kind_id: whom.sort = notify_sort::chats; return whom;
  case tl::inputNotifyBroadcasts::kind_id: whom.sort = notify_sort::broadcasts; return whom;
  case tl::inputNotifyPeer::kind_id: {
    const auto peer = core_.people.resolve(static_cast<const tl::inputNotifyPeer&>(*what).peer.get());
    if (!peer) {
      return unexpected(peer.error());
    }
    whom.peer = *peer;
    return whom;
  }
  default: return unexpected(rpc_error(rpc_errc::peer_id_invalid));
  }
}

tl::box<tl::Update> notify_book::view(const target& whom, layer_t layer) const {
  auto update = tl::make<tl::updateNotifySettings>();
  update->peer = notify_peer_view(whom.peer, whom.sort);
  update->notify_settings = notify_view(whom.peer != user_id{} ? of(whom.peer) : of(whom.sort), layer);
  return update;
}

void notify_book::note(const target& whom, const entity::listener_id& but, unix_time now, entity_effects& out) {
  persistence::records::Update update;
  update.set_peer(whom.peer.value());
  update.set_id(static_cast<std::int32_t>(whom.sort));
  core_.append_beside(std::move(update), update_kind::notify_settings, now, out);
  if (somebody_hears(core_, but)) {
    tell_sessions(core_, view(whom, pushed_layer), but, now, out);
  }
}

void notify_book::get(const call_context& from, const fn::account_getNotifySettings& what, entity_effects& out) const {
  const auto whom = resolve(what.peer.get());
  if (!whom) {
    return refuse(from, whom.error().errc, out);
  }
  answer_call<fn::account_getNotifySettings>(
    from, notify_view(whom->peer != user_id{} ? of(whom->peer) : of(whom->sort), from.layer), out);
}

void notify_book::list_exceptions(const call_context& from, const fn::account_getNotifyExceptions& what,
                                  entity_effects& out) {
  user_id only;
  bool users = true;
  if (what.peer != nullptr) {
    const auto whom = resolve(what.peer.get());
    if (!whom) {
      return refuse(from, whom.error().errc, out);
    }
    only = whom->peer;
    users = only != user_id{} || whom->sort == notify_sort::users;
  }
  std::vector<user_id> whom;
  for (const auto& [peer, settings] : peers_) {
    if (users && whom.size() < limits::users_per_call_max && (only == user_id{} || only.value() == peer)) {
      whom.push_back(user_id{peer});
    }
  }
  core_.people.with(whom, from.now, out, [this, from, whom](unix_time now, entity_effects& more) {
    auto answer = tl::make<tl::updates>();
    for (const user_id each : whom) {
      answer->updates_.push_back(view({each, {}}, from.layer));
    }
    core_.people.add_views(answer->users, whom, now);
    answer->date = now;
    answer_call<fn::account_getNotifyExceptions>(from, std::move(answer), more);
  });
}

void notify_book::update(const call_context& from, const fn::account_updateNotifySettings& what, entity_effects& out) {
  const auto resolved = resolve(what.peer.get());
  if (!resolved) {
    return refuse(from, resolved.error().errc, out);
  }
  auto settings = what.settings == nullptr ? std::nullopt : take_settings(*what.settings);
  if (!settings) {
    return refuse(from, rpc_errc::settings_invalid, out);
  }
  begin_call(core_, from, out, [this, from, whom = *resolved, settings](unix_time now, entity_effects& more) {
    const bool is_peer = whom.peer != user_id{};
    const NotifySettings to = is_peer ? *settings : completed(*settings);
    if (is_peer && !peers_.contains(whom.peer.value()) && peers_.size() >= limits::notify_exceptions_max &&
        to.ByteSizeLong() != 0) {
      refuse(from, rpc_errc::settings_invalid, more);
    } else {
      if (!same(to, is_peer ? of(whom.peer) : of(whom.sort))) {
        const std::string key = is_peer ? peer_key(whom.peer) : sort_key(whom.sort);
        if (is_peer && to.ByteSizeLong() == 0) {
          peers_.erase(whom.peer.value());
          more.erase(records_table::notify_settings, key);
        } else {
          (is_peer ? peers_[whom.peer.value()] : sorts_[whom.sort]) = to;
          more.put(records_table::notify_settings, key, to);
        }
        note(whom, from.asker, now, more);
      }
      answer_call<fn::account_updateNotifySettings>(from, true, more);
    }
    core_.operations.done(now, more);
  });
}

void notify_book::reset(const call_context& from, entity_effects& out) {
  begin_call(core_, from, out, [this, from](unix_time now, entity_effects& more) {
    const auto peers = std::exchange(peers_, {});
    const auto sorts = std::exchange(sorts_, {});
    for (const auto& [peer, settings] : peers) {
      more.erase(records_table::notify_settings, peer_key(user_id{peer}));
      note({user_id{peer}, {}}, from.asker, now, more);
    }
    for (const notify_sort sort : all_sorts) {
      if (sorts.contains(sort)) {
        more.erase(records_table::notify_settings, sort_key(sort));
        note({{}, sort}, from.asker, now, more);
      }
    }
    answer_call<fn::account_resetNotifySettings>(from, true, more);
    core_.operations.done(now, more);
  });
}

} // namespace godwit::box
