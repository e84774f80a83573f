#include "actors/box/message_changes.hpp"

#include "actors/box/box_calls.hpp"
#include "actors/box/message_operations.hpp"
#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/message_fn.hpp"
#include "protocol/tl/api/messages.hpp"
#include "protocol/tl/api/messages_fn.hpp"

namespace godwit::box {
namespace {

namespace fn = tl::fn;

/// No message of this box has contents that count as unread beside its text.
void read_contents(const box_core& core, const call_context& from, entity_effects& out) {
  auto answer = tl::make<tl::messages_affectedMessages>();
  answer->pts = core.account.box.pts();
  answer_call<fn::messages_readMessageContents>(from, answer, out);
}

/// Nobody is mentioned apart from being written to in a dialog of two.
void read_mentions(const box_core& core, const call_context& from, const fn::messages_readMentions& what,
                   entity_effects& out) {
  const auto peer = core.people.resolve(what.peer.get());
  if (!peer) {
    out.answer(from.ticket, unexpected(peer.error()));
    return;
  }
  auto answer = tl::make<tl::messages_affectedHistory>();
  answer->pts = core.account.box.pts();
  answer_call<fn::messages_readMentions>(from, answer, out);
}

} // namespace

bool message_changes::takes(std::uint32_t kind) {
  switch (kind) {
  case fn::messages_editMessage::kind_id:
  case fn::messages_deleteMessages::kind_id:
  case fn::messages_deleteHistory::kind_id:
  case fn::messages_readHistory::kind_id:
  case fn::messages_readMentions::kind_id:
  case fn::messages_readMessageContents::kind_id:
  case fn::messages_receivedMessages::kind_id:
  case fn::messages_updatePinnedMessage::kind_id:
  case fn::messages_unpinAllMessages::kind_id: return true;
  default: return false;
  }
}

bool message_changes::call(const call_context& from, const tl::fn::function& what, entity_effects& out) {
  switch (what.kind()) {
  case fn::messages_editMessage::kind_id:
    edit_message(core_, from, static_cast<const fn::messages_editMessage&>(what), out);
    return true;
  case fn::messages_deleteMessages::kind_id:
    delete_messages(core_, from, static_cast<const fn::messages_deleteMessages&>(what), out);
    return true;
  case fn::messages_deleteHistory::kind_id:
    delete_history(core_, from, static_cast<const fn::messages_deleteHistory&>(what), out);
    return true;
  case fn::messages_readHistory::kind_id:
    read_history(core_, from, static_cast<const fn::messages_readHistory&>(what), out);
    return true;
  case fn::messages_readMentions::kind_id:
    read_mentions(core_, from, static_cast<const fn::messages_readMentions&>(what), out);
    return true;
  case fn::messages_readMessageContents::kind_id: read_contents(core_, from, out); return true;
  case fn::messages_receivedMessages::kind_id: // nothing waits for it: sessions say what they have by their pts
    answer_call<fn::messages_receivedMessages>(from, {}, out);
    return true;
  case fn::messages_updatePinnedMessage::kind_id:
    update_pinned(core_, from, static_cast<const fn::messages_updatePinnedMessage&>(what), out);
    return true;
  case fn::messages_unpinAllMessages::kind_id:
    unpin_all(core_, from, static_cast<const fn::messages_unpinAllMessages&>(what), out);
    return true;
  default: return false;
  }
}

void message_changes::arrived(std::uint64_t ticket, user_id from, const command::EditedMessage& what, unix_time now,
                              entity_effects& out) {
  edited(core_, {ticket, from}, what, now, out);
}

void message_changes::arrived(std::uint64_t ticket, user_id from, const command::DeletedMessages& what, unix_time now,
                              entity_effects& out) {
  deleted(core_, {ticket, from}, what, now, out);
}

void message_changes::arrived(std::uint64_t ticket, user_id from, const command::ReadMessages& what, unix_time now,
                              entity_effects& out) {
  read_by_peer(core_, {ticket, from}, what, now, out);
}

void message_changes::arrived(std::uint64_t ticket, user_id from, const command::PinnedMessages& what, unix_time now,
                              entity_effects& out) {
  pinned_by_peer(core_, {ticket, from}, what, now, out);
}

} // namespace godwit::box
