#pragma once

#include "actors/box/box_part.hpp"
#include "actors/box/box_settings.hpp"
#include "actors/box/message_writer.hpp"
#include "actors/commands/people_commands.pb.h"
#include "protocol/tl/api/message_fn.hpp"

namespace godwit::box {

/// messages.sendMessage and forwardMessages; and messages that arrive from other boxes or from the service.
///
/// A random_id is remembered for limits::sent_days days: repeated, it is answered with the id, pts and date that it got
/// first, whatever became of the message.
class message_sending final : public box_part {
public:
  message_sending(box_core& core, box_settings& settings) : box_part(core), writer_(core, settings) {}

  [[nodiscard]] static bool takes(std::uint32_t kind);
  bool call(const call_context& from, const tl::fn::function& what, entity_effects& out) override;

  void arrived(std::uint64_t ticket, user_id from, command::NewMessage&& what, unix_time now, entity_effects& out);
  void arrived(std::uint64_t ticket, const command::Notice& what, unix_time now, entity_effects& out);

private:
  [[nodiscard]] rpc_result<send_operation_ptr> take_message(const call_context& from,
                                                            const tl::fn::messages_sendMessage& call) const;
  void begin(const call_context& from, rpc_result<send_operation_ptr> what, entity_effects& out);

  message_writer writer_;
};

} // namespace godwit::box
