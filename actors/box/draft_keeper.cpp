#include "actors/box/draft_keeper.hpp"

#include <memory>
#include <utility>
#include <vector>

#include "actors/box/box_calls.hpp"
#include "actors/box/box_views.hpp"
#include "actors/box/text_entities.hpp"
#include "config/limits.hpp"
#include "protocol/tl/api/dialog_fn.hpp"
#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/message_fn.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/text.hpp"
#include "protocol/tl/api/update.hpp"

namespace godwit::box {
namespace {

namespace fn = tl::fn;
using persistence::records::Draft;
using persistence::records::ReplyTo;

const std::vector<tl::box<tl::MessageEntity>>&
or_none(const std::optional<std::vector<tl::box<tl::MessageEntity>>>& entities) {
  static const std::vector<tl::box<tl::MessageEntity>> none;
  return entities ? *entities : none;
}

bool is_empty(const Draft& draft) { return draft.text().empty() && draft.reply_to().id() == 0; }

/// The same but for when it was saved.
bool same(Draft one, Draft other) {
  one.clear_date();
  other.clear_date();
  return one.SerializeAsString() == other.SerializeAsString();
}

/// Which message of the dialog is being answered. Answers into other dialogs are not kept in drafts.
rpc_result<ReplyTo> take_reply(const tl::inputReplyToMessage& from, user_id peer, const people::people& people) {
  ReplyTo reply;
  if (from.reply_to_peer_id != nullptr) {
    const auto where = people.resolve(from.reply_to_peer_id.get());
    if (!where || *where != peer) {
      return reply;
    }
  }
  reply.set_id(from.reply_to_msg_id);
  if (from.quote_text && !from.quote_text->empty()) {
    auto quote = take_draft_text(*from.quote_text, or_none(from.quote_entities), people);
    if (!quote) {
      return unexpected(quote.error());
    }
    reply.set_has_quote(true);
    reply.set_quote(std::move(quote->text));
    *reply.mutable_quote_entity() = std::move(quote->entities);
    reply.set_quote_offset(from.quote_offset.value_or(0));
  }
  return reply;
}

rpc_result<Draft> take_draft(const fn::messages_saveDraft& what, user_id peer, const people::people& people) {
  auto text = take_draft_text(what.message, or_none(what.entities), people);
  if (!text) {
    return unexpected(text.error());
  }
  Draft draft;
  draft.set_text(std::move(text->text));
  *draft.mutable_entity() = std::move(text->entities);
  draft.set_no_webpage(what.no_webpage);
  draft.set_invert_media(what.invert_media);
  if (what.reply_to != nullptr) {
    auto reply = take_reply(*what.reply_to, peer, people);
    if (!reply) {
      return unexpected(reply.error());
    }
    if (reply->id() != 0) {
      *draft.mutable_reply_to() = std::move(*reply);
    }
  } else if (what.reply_to_msg_id.value_or(0) != 0) {
    draft.mutable_reply_to()->set_id(*what.reply_to_msg_id);
  }
  return draft;
}

} // namespace

void draft_keeper::write(user_id peer, const Draft& to, const entity::listener_id& but, unix_time now,
                         entity_effects& out) {
  if (is_empty(to)) {
    out.erase(records_table::draft, peer_key(peer));
    if (without_.size() >= limits::draftless_peers_max) {
      without_.clear();
    }
    without_.insert(peer.value());
  } else {
    out.put(records_table::draft, peer_key(peer), to);
    without_.erase(peer.value());
  }
  persistence::records::Update update;
  update.set_peer(peer.value());
  core_.append_beside(std::move(update), update_kind::draft, now, out);
  if (somebody_hears(core_, but)) {
    auto view = tl::make<tl::updateDraftMessage>();
    view->peer = peer_view(peer);
    view->draft = draft_view(to, pushed_layer);
    tell_sessions(core_, std::move(view), but, now, out);
  }
}

void draft_keeper::clear(user_id peer, const entity::listener_id& but, unix_time now, entity_effects& out) {
  if (!without_.contains(peer.value())) {
    Draft none;
    none.set_date(now);
    write(peer, none, but, now, out);
  }
}

void draft_keeper::save(const call_context& from, const fn::messages_saveDraft& what, entity_effects& out) {
  const auto peer = core_.people.resolve(what.peer.get());
  if (!peer) {
    return refuse(from, peer.error().errc, out);
  }
  if (what.rich_message != nullptr) {
    return refuse(from, rpc_errc::media_invalid, out);
  }
  auto draft = take_draft(what, *peer, core_.people);
  if (!draft) {
    return refuse(from, draft.error().errc, out);
  }
  auto wanted = std::make_shared<Draft>(std::move(*draft));
  begin_call(core_, from, out, [this, from, peer = *peer, wanted](unix_time, entity_effects& more) {
    auto row = std::make_shared<std::optional<std::string>>();
    more.queries.push_back(
      {[row, peer](entity::row_reader& reader) { *row = reader.get(records_table::draft, peer_key(peer)); },
       [this, from, peer, wanted, row](unix_time now, entity_effects& last) {
         Draft was;
         if (*row) {
           was.ParseFromString(**row);
         }
         if (!same(was, *wanted)) {
           wanted->set_date(now);
           write(peer, *wanted, from.asker, now, last);
         }
         answer_call<fn::messages_saveDraft>(from, true, last);
         core_.operations.done(now, last);
       }});
  });
}

void draft_keeper::clear_all(const call_context& from, entity_effects& out) {
  begin_call(core_, from, out, [this, from](unix_time, entity_effects& more) { clear_some(from, more); });
}

/// A mutation has a bound and an account may have many drafts: some of them, and again until there are none.
void draft_keeper::clear_some(const call_context& from, entity_effects& out) {
  auto peers = std::make_shared<std::vector<user_id>>();
  out.queries.push_back({[peers](entity::row_reader& reader) {
                           reader.scan(records_table::draft, {}, {}, [&](std::string_view key, std::string_view) {
                             peers->push_back(read_peer_key(key).value_or(user_id{}));
                             return peers->size() < limits::drafts_cleared_max;
                           });
                         },
                         [this, from, peers](unix_time now, entity_effects& more) {
                           Draft none;
                           none.set_date(now);
                           for (const user_id peer : *peers) {
                             write(peer, none, from.asker, now, more);
                           }
                           if (peers->size() == limits::drafts_cleared_max) {
                             return clear_some(from, more);
                           }
                           answer_call<fn::messages_clearAllDrafts>(from, true, more);
                           core_.operations.done(now, more);
                         }});
}

} // namespace godwit::box
