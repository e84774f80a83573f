#include "actors/box/typing_relay.hpp"

#include <memory>
#include <string>
#include <utility>

#include "actors/box/box_calls.hpp"
#include "actors/commands/account_commands.pb.h"
#include "cluster/base/entity.hpp"
#include "config/limits.hpp"
#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/message_fn.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/update.hpp"

namespace godwit::box {

namespace fn = tl::fn;

void typing_relay::set(const call_context& from, const fn::messages_setTyping& what, entity_effects& out) {
  const auto peer = core_.people.resolve(what.peer.get());
  if (!peer) {
    return refuse(from, peer.error().errc, out);
  }
  if (what.action == nullptr) {
    return refuse(from, rpc_errc::input_request_invalid, out);
  }
  answer_call<fn::messages_setTyping>(from, true, out);
  if (!has_other_box(core_, *peer) || is_blocked(core_, *peer)) {
    return;
  }
  command::UserCommand command;
  command::Whisper& whisper = *command.mutable_whisper();
  whisper.set_from(core_.account.self.value());
  std::string& action = *whisper.mutable_typing()->mutable_action();
  tl::writer writer(action);
  what.action->store(writer, pushed_layer);
  if (!writer.ok() || action.size() > limits::typing_bytes_max || !told_.pass(*peer, from.now)) {
    return;
  }
  const cluster::entity_ref to{cluster::entity_kind::user,
                               cluster::entity_id{static_cast<std::uint64_t>(peer->value())}};
  out.whispers.push_back({to, command.SerializeAsString()});
}

void typing_relay::heard(user_id from, const command::Typing& what, unix_time now, entity_effects& out) {
  if (core_.account.ears.empty() || what.action().size() > limits::typing_bytes_max || !heard_.pass(from, now)) {
    return;
  }
  if (core_.people.relation(from) != nullptr) {
    return tell(from, what, now, out);
  }
  if (reading_ >= limits::typing_peers_per_second_max) {
    return;
  }
  ++reading_;
  auto row = std::make_shared<std::optional<std::string>>();
  out.queries.push_back({[row, from](entity::row_reader& reader) {
                           *row = reader.get(records_table::user_relation,
                                             entity::id_sub_key(static_cast<std::uint64_t>(from.value())));
                         },
                         [this, row, from, what](unix_time later, entity_effects& more) {
                           --reading_;
                           core_.people.learn(from, *row);
                           tell(from, what, later, more);
                         }});
}

void typing_relay::tell(user_id from, const command::Typing& what, unix_time now, entity_effects& out) const {
  if (is_blocked(core_, from)) {
    return;
  }
  tl::reader reader(what.action());
  auto action = tl::SendMessageAction::fetch(reader);
  if (action == nullptr || !reader.finish()) {
    return;
  }
  auto update = tl::make<tl::updateUserTyping>();
  update->user_id = from.value();
  update->action = std::move(action);
  tl::updateShort view;
  view.update = std::move(update);
  view.date = now;
  // Some clients never say whether they are online: they hear it as long as no other one says so.
  if (core_.account.ears.online_until(now) != 0) {
    core_.account.ears.tell_online(view, now, out);
  } else {
    core_.account.ears.tell(view, {}, out);
  }
}

} // namespace godwit::box
