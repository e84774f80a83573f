#pragma once

#include "actors/box/box_part.hpp"
#include "actors/commands/people_commands.pb.h"

namespace godwit::box {

/// Edits, deletions, readings and pins: the account's own calls, and what the other side did. A change that finds no
/// message changes nothing.
class message_changes final : public box_part {
public:
  using box_part::box_part;

  [[nodiscard]] static bool takes(std::uint32_t kind);
  bool call(const call_context& from, const tl::fn::function& what, entity_effects& out) override;

  void arrived(std::uint64_t ticket, user_id from, const command::EditedMessage& what, unix_time now,
               entity_effects& out);
  void arrived(std::uint64_t ticket, user_id from, const command::DeletedMessages& what, unix_time now,
               entity_effects& out);
  void arrived(std::uint64_t ticket, user_id from, const command::ReadMessages& what, unix_time now,
               entity_effects& out);
  void arrived(std::uint64_t ticket, user_id from, const command::PinnedMessages& what, unix_time now,
               entity_effects& out);
};

} // namespace godwit::box
