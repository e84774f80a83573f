#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "actors/box/box_core.hpp"
#include "protocol/tl/api/forward.hpp"
#include "protocol/tl/object.hpp"

namespace godwit::box {

/// Messages that leave one dialog, and what the dialog is without them. Gathered on a reader thread.
struct dialog_removal {
  struct gone_message {
    message_id id = 0;
    message_id origin = 0;
    bool out = false;
    bool pinned = false;
  };
  user_id peer;
  std::vector<gone_message> gone;
  std::optional<std::string> dialog; ///< its row as it is
  bool takes_top = false;
  message_id next_top = 0;
  unix_time next_date = 0;
};

/// Messages that leave a box in one operation.
struct removal {
  std::vector<dialog_removal> dialogs;

  /// Adds a message, which is not in it yet.
  void add(user_id peer, message_id id, const Message& message);
  /// After the last message: reads the dialogs, and which message of each is the newest that stays.
  void read_dialogs(entity::row_reader& reader);
  [[nodiscard]] std::size_t messages() const;
};

struct removed {
  std::int32_t pts = 0;
  std::int32_t count = 0;
};

/// Writes what is left of each dialog, and one update for all messages; nothing, when there are none. Part of the
/// operation that read it.
removed write_removal(box_core& core, const removal& what, unix_time now, entity_effects& out);
/// The update that tells of it.
tl::box<tl::Update> removal_update(const removal& what, const removed& done);
/// Tells the boxes of the peers, so that the messages leave them too.
void deliver_removal(const box_core& core, const removal& what, unix_time now, entity_effects& out);

} // namespace godwit::box
