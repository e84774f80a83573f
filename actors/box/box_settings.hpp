#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "actors/box/box_part.hpp"
#include "actors/box/notify_book.hpp"
#include "actors/commands/people_commands.pb.h"

namespace godwit::box {

/// Drafts, how dialogs ring, which are pinned or marked as unread, and typing.
class box_settings final : public box_part {
public:
  explicit box_settings(box_core& core);
  ~box_settings() override;

  [[nodiscard]] static std::vector<records_table> tables();
  bool load(records_table table, std::string_view sub_key, std::string_view value);

  [[nodiscard]] static bool takes(std::uint32_t kind);
  bool call(const call_context& from, const tl::fn::function& what, entity_effects& out) override;
  void typing(user_id from, const command::Typing& what, unix_time now, entity_effects& out);

  /// The pinned dialogs, the first one on top.
  [[nodiscard]] const std::vector<user_id>& pinned() const;
  [[nodiscard]] bool is_pinned(user_id peer) const;
  /// What is set for a peer itself; nothing: the default of its sort.
  [[nodiscard]] const persistence::records::NotifySettings& notify_of(user_id peer) const;
  /// What is set for all dialogs of a sort; complete.
  [[nodiscard]] const persistence::records::NotifySettings& notify_of(notify_sort sort) const;
  /// messages.sendMessage with clear_draft. Part of an operation; puts the row and tells the other sessions.
  void clear_draft(user_id peer, const entity::listener_id& but, unix_time now, entity_effects& out);

private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

} // namespace godwit::box
