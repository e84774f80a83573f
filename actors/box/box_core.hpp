#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>

#include "actors/box/box_keys.hpp"
#include "actors/box/done_calls.hpp"
#include "actors/box/operation_queue.hpp"
#include "actors/people/account_core.hpp"
#include "actors/people/people.hpp"
#include "persistence/records/chat.pb.h"

namespace godwit::box {

using entity::records_table;
using people::call_context;
using people::update_kind;
using persistence::records::Dialog;
using persistence::records::Message;

/// The dialogs of a box that are in memory, each as it was proposed last. Bounded by limits::dialogs_in_memory_max; what
/// is changed and not applied stays readable through row queries, which see it.
class dialog_book {
public:
  explicit dialog_book(people::account_core& account) : account_(account) {}

  struct entry {
    Dialog dialog;
    bool exists = false;
  };
  /// Null: not in memory. A dialog that does not exist and is known not to is an empty one: `exists` is false. The
  /// pointer is good until something else is learned.
  [[nodiscard]] const entry* find(user_id peer);
  /// What a query found, unless it is in memory. Only for operations: what others read may be older than what was in
  /// memory meanwhile.
  void learn(user_id peer, const std::optional<std::string>& row);
  /// Keeps it in memory until another operation, by its number, holds something.
  void hold(user_id peer, std::uint64_t operation);
  /// Puts the dialog's row, its place in the order when that changed, and in account_core::box the numbers of dialogs
  /// with a message and of unread messages. A dialog with no message left, and none read, pinned or marked, is erased.
  /// Only for what is in memory: with_dialog holds it for the operation under way. Whoever calls it puts the box's row:
  /// append_update does.
  void change(user_id peer, const Dialog& to, entity_effects& out);

private:
  struct kept {
    entry what;
    std::list<user_id>::iterator place;
    std::uint64_t held_by = 0;
  };
  kept& keep(user_id peer);
  void make_room();

  people::account_core& account_;
  std::unordered_map<std::int64_t, kept> kept_;
  std::list<user_id> order_;    ///< longest unused first
  std::uint64_t operation_ = 0; ///< the last one that held something
};

/// What the parts of a box share.
struct box_core {
  people::account_core& account;
  people::people& people;
  operation_queue operations;
  dialog_book dialogs{account};
  done_calls calls{};

  /// Runs `then` when the dialog with this peer and the relation to it are in memory, at once if they are. The dialog
  /// stays there for the operation under way.
  void with_dialog(user_id peer, unix_time now, entity_effects& out, continuation then);
  /// The same, and what `also` reads, in one query; without `also` it is with_dialog. It runs on a reader's thread.
  using reading = std::function<void(entity::row_reader&)>;
  void with_dialog_and(user_id peer, reading also, unix_time now, entity_effects& out, continuation then);

  /// A new id for a message of this box; put the box's row after it.
  [[nodiscard]] message_id next_message_id();
  /// Moves the pts by update.count() (at least 1), writes the update's row and the box's. The updates of
  /// an operation that begin_change began also write that its call was executed. The new pts.
  std::int32_t append_update(persistence::records::Update update, update_kind kind, unix_time now, entity_effects& out);
  /// Writes an update without a pts, and the box's row.
  void append_beside(persistence::records::Update update, update_kind kind, unix_time now, entity_effects& out);
  void put_box(entity_effects& out) const;
};

} // namespace godwit::box
