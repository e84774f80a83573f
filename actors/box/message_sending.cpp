#include "actors/box/message_sending.hpp"

#include <utility>

#include "actors/box/forwarding.hpp"
#include "actors/box/message_arrival.hpp"
#include "actors/box/reply_target.hpp"
#include "actors/box/sending_rules.hpp"
#include "protocol/tl/api/absent.hpp"
#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/text.hpp"

namespace godwit::box {

namespace fn = tl::fn;

bool message_sending::takes(std::uint32_t kind) {
  return kind == fn::messages_sendMessage::kind_id || kind == fn::messages_forwardMessages::kind_id;
}

bool message_sending::call(const call_context& from, const fn::function& what, entity_effects& out) {
  if (const auto* send = tl::as<fn::messages_sendMessage>(&what)) {
    begin(from, take_message(from, *send), out);
    return true;
  }
  if (const auto* forward = tl::as<fn::messages_forwardMessages>(&what)) {
    begin(from, take_forward(from, *forward, core_), out);
    return true;
  }
  return false;
}

/// Cards of authors are fetched before the operation: nothing else of the box may have to wait for other accounts.
void message_sending::begin(const call_context& from, rpc_result<send_operation_ptr> what, entity_effects& out) {
  if (!what) {
    out.answer(from.ticket, unexpected(what.error()));
    return;
  }
  const send_operation& asked = **what;
  const user_id author = asked.forwards ? asked.source : asked.reply.peer;
  if (asked.forwards || author != asked.to) {
    core_.people.with(
      {&author, 1}, from.now, out,
      [this, what = std::move(*what)](unix_time, entity_effects& more) { writer_.begin(what, more); },
      people::patience::thorough);
  } else {
    writer_.begin(std::move(*what), out);
  }
}

rpc_result<send_operation_ptr> message_sending::take_message(const call_context& from,
                                                             const fn::messages_sendMessage& call) const {
  const auto to = take_receiver(call.peer.get(), core_);
  if (!to) {
    return unexpected(to.error());
  }
  if (call.random_id == 0) {
    return unexpected(rpc_error{rpc_errc::random_id_empty});
  }
  if (const auto wrong = what_there_is_not(call, core_)) {
    return unexpected(rpc_error{*wrong});
  }
  if (call.rich_message) {
    return unexpected(rpc_error{rpc_errc::input_request_invalid});
  }
  static const std::vector<tl::box<tl::MessageEntity>> none;
  auto text = take_text(call.message, call.entities ? *call.entities : none, core_.people);
  if (!text) {
    return unexpected(text.error());
  }
  auto reply = take_reply(call.reply_to.get(), call.reply_to_msg_id, *to, core_.people);
  if (!reply) {
    return unexpected(reply.error());
  }
  auto what = std::make_shared<send_operation>();
  what->from = from;
  what->to = *to;
  what->clear_draft = call.clear_draft;
  what->reply = std::move(*reply);
  outgoing& message = what->list.emplace_back();
  message.random_id = call.random_id;
  message.message.set_text(std::move(text->text));
  message.message.mutable_entity()->Swap(&text->entities);
  message.message.set_silent(call.silent);
  message.message.set_noforwards(call.noforwards);
  message.message.set_invert_media(call.invert_media);
  return what;
}

void message_sending::arrived(std::uint64_t ticket, user_id from, command::NewMessage&& what, unix_time now,
                              entity_effects& out) {
  message_arrives(core_, ticket, from, std::move(what), now, out);
}

void message_sending::arrived(std::uint64_t ticket, const command::Notice& what, unix_time now, entity_effects& out) {
  notice_arrives(core_, ticket, what, now, out);
}

rpc_result<user_id> take_receiver(const tl::InputPeer* peer, const box_core& core) {
  const auto to = core.people.resolve(peer);
  if (to && *to == people::service_user) {
    return unexpected(rpc_error{rpc_errc::chat_write_forbidden});
  }
  return to;
}

} // namespace godwit::box
