#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "actors/box/box_core.hpp"
#include "actors/entity/tl_answer.hpp"
#include "actors/people/peer_view.hpp"
#include "protocol/rpc_error.hpp"
#include "protocol/tl/api/forward.hpp"
#include "protocol/tl/object.hpp"

namespace godwit::box {

// What rows of a box look like to a client. Objects fit every layer: what a layer does not know is left out when they
// are stored, or by the function when it takes a layer.

tl::box<tl::Message> message_view(user_id self, user_id peer, message_id id, const Message& message, layer_t layer);
tl::box<tl::dialog> dialog_view(user_id peer, const Dialog& dialog, bool pinned,
                                const persistence::records::NotifySettings& notify,
                                const std::optional<persistence::records::Draft>& draft, layer_t layer);
tl::box<tl::DraftMessage> draft_view(const persistence::records::Draft& draft, layer_t layer);
tl::box<tl::peerNotifySettings> notify_view(const persistence::records::NotifySettings& settings, layer_t layer);
using people::peer_view;

/// Accounts that an answer introduces, each once.
class people_list {
public:
  /// Numbers that are no account's are left out.
  void add(user_id who);
  /// As add_people.
  void add(const Message& message, user_id peer);
  [[nodiscard]] std::size_t size() const { return list_.size(); }
  [[nodiscard]] std::vector<user_id> take() { return std::move(list_); }

private:
  std::vector<user_id> list_;
  std::unordered_set<std::int64_t> known_;
};

/// What the view of one account takes on the wire, at most.
inline constexpr std::size_t person_bytes = 640;
/// What a view takes on the wire, at most and without the accounts in it: for the bound of a page.
std::size_t wire_bytes(const Message& message);
std::size_t wire_bytes(const persistence::records::Draft& draft);

/// Adds to `whom` the accounts that a message mentions: peer, author, whom it was forwarded from. For a few messages:
/// many are a people_list's.
void add_people(const Message& message, user_id peer, std::vector<user_id>& whom);

/// The dialog of the saved messages that a message belongs to: whom it was forwarded from, or oneself.
user_id saved_dialog(user_id self, const Message& message);

using entity::stored;

/// An `updates` object with these updates and the views of these accounts; without one that is in memory the answer is
/// null: say updatesTooLong then.
tl::box<tl::updates> updates_with(std::vector<tl::box<tl::Update>> list, const std::vector<user_id>& whom,
                                  const box_core& core, unix_time now);

} // namespace godwit::box
