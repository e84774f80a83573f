#include "actors/box/reply_target.hpp"

#include <cstdlib>
#include <utility>

#include "actors/people/card_book.hpp"
#include "actors/people/name_text.hpp"
#include "actors/people/privacy.hpp"
#include "config/limits.hpp"
#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/text.hpp"

namespace godwit::box {
namespace {

/// Links and mentions of a quote are in the message that it is from.
bool stays_in_quote(std::uint32_t kind) {
  switch (static_cast<text_entity_kind>(kind)) {
  case text_entity_kind::bold:
  case text_entity_kind::italic:
  case text_entity_kind::underline:
  case text_entity_kind::strike:
  case text_entity_kind::spoiler:
  case text_entity_kind::custom_emoji: return true;
  default: return false;
  }
}

/// Where a part of a text is, in UTF-16 code units; of several places the nearest to the one that is wanted. Nothing:
/// it is not in the text.
std::optional<std::int32_t> find_part(std::string_view text, std::string_view part, std::int32_t wanted) {
  std::optional<std::int32_t> best;
  std::size_t counted = 0;
  std::int32_t offset = 0;
  for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) {
    offset += static_cast<std::int32_t>(utf16_length(text.substr(counted, at - counted)));
    counted = at;
    if (best && std::abs(std::int64_t{offset} - wanted) >= std::abs(std::int64_t{*best} - wanted)) {
      break;
    }
    best = offset;
  }
  return best;
}

} // namespace

rpc_result<reply_wish> take_reply(const tl::inputReplyToMessage* reply, std::optional<std::int32_t> old_id, user_id to,
                                  const people::people& people) {
  reply_wish wish;
  wish.peer = to;
  if (reply == nullptr && !old_id) {
    return wish;
  }
  wish.id = reply != nullptr ? reply->reply_to_msg_id : *old_id;
  if (wish.id <= 0) {
    return unexpected(rpc_error{rpc_errc::reply_message_id_invalid});
  }
  if (reply == nullptr) {
    return wish;
  }
  if (reply->monoforum_peer_id || reply->todo_item_id || reply->poll_option) {
    return unexpected(rpc_error{rpc_errc::reply_to_invalid});
  }
  if (reply->reply_to_peer_id) {
    const auto peer = people.resolve(reply->reply_to_peer_id.get());
    if (!peer) {
      return unexpected(peer.error());
    }
    wish.peer = *peer;
  }
  if (reply->quote_text && !reply->quote_text->empty()) {
    static const std::vector<tl::box<tl::MessageEntity>> none;
    auto quote = take_text(*reply->quote_text, reply->quote_entities ? *reply->quote_entities : none, people);
    if (!quote || people::characters_of(quote->text) > limits::quote_characters_max) {
      return unexpected(rpc_error{rpc_errc::quote_text_invalid});
    }
    wish.quote = std::move(quote->text);
    for (auto& each : quote->entities) {
      if (stays_in_quote(each.kind())) {
        *wish.quote_entities.Add() = std::move(each);
      }
    }
    wish.quote_offset = reply->quote_offset.value_or(0);
  }
  return wish;
}

std::optional<rpc_errc> add_reply(send_operation& what, const box_core& core) {
  const reply_wish& wish = what.reply;
  if (!wish.is_one()) {
    return std::nullopt;
  }
  if (wish.id > core.account.box.last_message_id()) {
    return rpc_errc::reply_message_id_invalid;
  }
  if (!what.answered) {
    return std::nullopt;
  }
  const Message& answered = *what.answered;
  persistence::records::ReplyTo reply;
  if (!wish.quote.empty()) {
    const auto offset = find_part(answered.text(), wish.quote, wish.quote_offset);
    if (!offset) {
      return rpc_errc::quote_text_invalid;
    }
    reply.set_has_quote(true);
    reply.set_quote(wish.quote);
    reply.mutable_quote_entity()->CopyFrom(wish.quote_entities);
    reply.set_quote_offset(*offset);
  }
  outgoing& message = what.list.front();
  if (wish.peer == what.to) {
    reply.set_id(wish.id);
    const bool own = answered.out();
    message.answered_owner = own ? core.account.self : what.to;
    message.answered_id = own ? wish.id : answered.origin_id();
  } else if (answered.noforwards()) {
    return rpc_errc::chat_forwards_restricted;
  } else {
    // It is in none of the peer's dialogs, nor in this one: told is what the peer cannot look up.
    shown_author author = author_of(answered, wish.peer, core);
    reply.set_from(author.who.value());
    reply.set_from_name(std::move(author.name));
    reply.set_date(answered.date());
  }
  *message.message.mutable_reply_to() = std::move(reply);
  return std::nullopt;
}

shown_author author_of(const Message& message, user_id dialog, const box_core& core) {
  const user_id who = message.out() ? core.account.self : dialog;
  if (who == core.account.self || who == people::service_user) {
    return {who, {}};
  }
  const people::card_ptr card = core.account.options.cards->find(who);
  const people::Relation* relation = core.people.relation(who);
  const bool is_contact = relation != nullptr && relation->has_me();
  if (card == nullptr) {
    return {user_id{}, "Hidden Account"}; // what the author allows is not known
  }
  if (people::allows(people::rules_of(*card, people::privacy_key::forwards), core.account.self, is_contact)) {
    return {who, {}};
  }
  return {user_id{}, card->last_name().empty() ? card->first_name() : card->first_name() + " " + card->last_name()};
}

} // namespace godwit::box
