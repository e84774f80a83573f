#pragma once

#include <string_view>
#include <vector>

#include "actors/box/box_core.hpp"

namespace godwit::tl::fn {
struct messages_getDialogUnreadMarks;
struct messages_markDialogUnread;
struct messages_reorderPinnedDialogs;
struct messages_toggleDialogPin;
} // namespace godwit::tl::fn

namespace godwit::box {

/// Which dialogs stay on top; and which are marked as unread.
class dialog_pins {
public:
  explicit dialog_pins(box_core& core) : core_(core) {}

  bool load(std::string_view value);
  [[nodiscard]] const std::vector<user_id>& pinned() const { return pinned_; }

  void toggle(const call_context& from, const tl::fn::messages_toggleDialogPin& what, entity_effects& out);
  void reorder(const call_context& from, const tl::fn::messages_reorderPinnedDialogs& what, entity_effects& out);
  void mark(const call_context& from, const tl::fn::messages_markDialogUnread& what, entity_effects& out);
  void list_marks(const call_context& from, const tl::fn::messages_getDialogUnreadMarks& what,
                  entity_effects& out) const;

private:
  void set_pinned(const call_context& from, user_id peer, bool pinned, const std::vector<user_id>& listed,
                  unix_time now, entity_effects& out);
  void set_order(const call_context& from, const std::vector<user_id>& order, bool force,
                 const std::vector<user_id>& listed, unix_time now, entity_effects& out);
  void put(entity_effects& out) const;

  box_core& core_;
  std::vector<user_id> pinned_; ///< the first one on top
};

} // namespace godwit::box
