#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>

#include "actors/box/box_core.hpp"
#include "protocol/tl/api/forward.hpp"
#include "protocol/tl/object.hpp"

namespace godwit::tl::fn {
struct account_getNotifyExceptions;
struct account_getNotifySettings;
struct account_updateNotifySettings;
} // namespace godwit::tl::fn

namespace godwit::box {

using persistence::records::NotifySettings;

/// How the dialogs of one sort ring where nothing else is set. In keys on disk: never renumber.
enum class notify_sort : std::uint8_t { users = 1, chats = 2, broadcasts = 3 };

/// How the devices of an account ring: for each sort of dialog, and for the peers that are an exception.
class notify_book {
public:
  explicit notify_book(box_core& core) : core_(core) {}

  bool load(std::string_view sub_key, std::string_view value);
  /// Nothing set for a peer itself: an empty one.
  [[nodiscard]] const NotifySettings& of(user_id peer) const;
  /// Complete: what was never set is as accounts begin.
  [[nodiscard]] const NotifySettings& of(notify_sort sort) const;

  void get(const call_context& from, const tl::fn::account_getNotifySettings& what, entity_effects& out) const;
  void list_exceptions(const call_context& from, const tl::fn::account_getNotifyExceptions& what, entity_effects& out);
  void update(const call_context& from, const tl::fn::account_updateNotifySettings& what, entity_effects& out);
  void reset(const call_context& from, entity_effects& out);

private:
  /// A peer, or without one a sort.
  struct target {
    user_id peer;
    notify_sort sort{};
  };
  [[nodiscard]] rpc_result<target> resolve(const tl::InputNotifyPeer* what) const;
  [[nodiscard]] tl::box<tl::Update> view(const target& whom, layer_t layer) const;
  void note(const target& whom, const entity::listener_id& but, unix_time now, entity_effects& out);

  box_core& core_;
  std::map<std::int64_t, NotifySettings> peers_;
  std::map<notify_sort, NotifySettings> sorts_;
};

/// A peer, or with 0 a sort.
tl::box<tl::NotifyPeer> notify_peer_view(user_id peer, notify_sort sort);

} // namespace godwit::box
