#pragma once

#include "actors/box/box_settings.hpp"
#include "actors/box/outgoing.hpp"

namespace godwit::box {

/// Takes a call that sends messages through the box: reads what it needs, tells repeats from what is new, writes,
/// delivers, answers.
class message_writer {
public:
  message_writer(box_core& core, box_settings& settings) : core_(core), settings_(settings), sent_(core.account.box) {}

  /// The operation begins as soon as those before it have ended.
  void begin(send_operation_ptr what, entity_effects& out);

private:
  void read(const send_operation_ptr& what, unix_time now, entity_effects& out);
  void decide(const send_operation_ptr& what, unix_time now, entity_effects& out);
  [[nodiscard]] std::optional<rpc_errc> prepare(send_operation& what) const;
  void write(const send_operation_ptr& what, unix_time now, entity_effects& out);
  void write_one(send_operation& what, outgoing& message, unix_time now, entity_effects& out);
  void deliver_one(const send_operation& what, outgoing& message, unix_time now, entity_effects& out) const;
  void answer(const send_operation_ptr& what, unix_time now, entity_effects& out);
  void answer_shortly(const send_operation& what, entity_effects& out) const;
  void answer_fully(const send_operation& what, const std::vector<user_id>& whom, unix_time now,
                    entity_effects& out) const;

  box_core& core_;
  box_settings& settings_;
  sent_book sent_;
};

} // namespace godwit::box
