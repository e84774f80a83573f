#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "actors/commands/people_commands.pb.h"
#include "actors/entity/entity_logic.hpp"
#include "actors/people/account_core.hpp"
#include "actors/people/people.hpp"
#include "protocol/rpc_error.hpp"

namespace godwit::tl::fn {
struct function;
}

namespace godwit::box {

using entity::entity_effects;
using entity::records_table;

/// The box of one account: its messages, dialogs and updates. Every change of it is one mutation and one or more
/// updates; changes happen one at a time, in the order in which they came.
class user_box {
public:
  user_box(people::account_core& account, people::people& people);
  ~user_box();

  [[nodiscard]] static std::vector<records_table> tables();
  bool load(records_table table, std::string_view sub_key, std::string_view value);

  /// call_context::body of a call with these bytes.
  [[nodiscard]] static std::uint64_t repetition_hash(std::uint32_t kind, std::string_view body);
  /// The constructors that call() takes.
  [[nodiscard]] static bool takes(std::uint32_t kind);
  /// One call of the API; it is answered now or later under the ticket of `from`. False: it is not about the box.
  bool call(const people::call_context& from, const tl::fn::function& what, entity_effects& out);

  /// What another account, or the service, sent. The ticket is answered with the rows. False: it is not for the box.
  bool delivered(std::uint64_t ticket, command::Delivery what, unix_time now, entity_effects& out);
  void typing(user_id from, const command::Typing& what, unix_time now, entity_effects& out);

  /// A session listens anew whose client was brought to this pts: it is told what came after, or updatesTooLong.
  void subscribed(const entity::listener_id& who, std::int32_t pts, unix_time now, entity_effects& out);
  /// A session ended, or a new one begins under its number: what it calls from now on may be what it called before.
  void session_lost(const entity::listener_id& who);

private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

} // namespace godwit::box
