#include "actors/box/forwarding.hpp"

#include <algorithm>
#include <utility>

#include "actors/box/reply_target.hpp"
#include "actors/box/sending_rules.hpp"
#include "config/limits.hpp"
#include "protocol/tl/api/absent.hpp"
#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/peer.hpp"

namespace godwit::box {
namespace {

/// Every random_id is there once.
bool are_distinct(std::vector<std::int64_t> random_ids) {
  std::sort(random_ids.begin(), random_ids.end());
  return std::adjacent_find(random_ids.begin(), random_ids.end()) == random_ids.end() &&
         !std::binary_search(random_ids.begin(), random_ids.end(), 0);
}

std::optional<rpc_errc> wrong_ids(const tl::fn::messages_forwardMessages& call) {
  if (call.id.empty()) {
    return rpc_errc::message_ids_empty;
  }
  if (call.id.size() > limits::forwarded_messages_max) {
    return rpc_errc::input_request_too_long;
  }
  if (call.random_id.size() != call.id.size() || !are_distinct(call.random_id)) {
    return rpc_errc::random_id_invalid;
  }
  if (call.from_ephemeral || std::any_of(call.id.begin(), call.id.end(), [](message_id id) { return id <= 0; })) {
    return rpc_errc::message_id_invalid;
  }
  return std::nullopt;
}

/// Whom a forwarded message is from, as its new readers see it.
void set_header(const send_operation& what, const outgoing& message, const box_core& core,
                persistence::records::Forward& header) {
  const Message& row = *message.source_row;
  if (row.has_forward()) {
    header = row.forward(); // it stays its author's
  } else {
    shown_author author = author_of(row, what.source, core);
    header.set_from(author.who.value());
    header.set_from_name(std::move(author.name));
    header.set_date(row.date());
  }
  if (what.to != core.account.self) {
    header.clear_saved_from();
    header.clear_saved_id();
  } else if (what.source != core.account.self) {
    header.set_saved_from(what.source.value());
    header.set_saved_id(message.source);
  }
}

} // namespace

rpc_result<send_operation_ptr> take_forward(const call_context& from, const tl::fn::messages_forwardMessages& call,
                                            const box_core& core) {
  const auto source = core.people.resolve(call.from_peer.get());
  if (!source) {
    return unexpected(source.error());
  }
  const auto to = take_receiver(call.to_peer.get(), core);
  if (!to) {
    return unexpected(to.error());
  }
  if (const auto wrong = wrong_ids(call)) {
    return unexpected(rpc_error{*wrong});
  }
  if (const auto wrong = what_there_is_not(call, core)) {
    return unexpected(rpc_error{*wrong});
  }
  if (call.reply_to) {
    return unexpected(rpc_error{rpc_errc::reply_to_invalid}); // it names a topic, and there are none
  }
  auto what = std::make_shared<send_operation>();
  what->from = from;
  what->to = *to;
  what->forwards = true;
  what->drop_author = call.drop_author;
  what->source = *source;
  what->list.resize(call.id.size());
  for (std::size_t i = 0; i < call.id.size(); ++i) {
    outgoing& each = what->list[i];
    each.random_id = call.random_id[i];
    each.source = call.id[i];
    each.message.set_silent(call.silent);
    each.message.set_noforwards(call.noforwards);
  }
  return what;
}

std::optional<rpc_errc> add_forwards(send_operation& what, const box_core& core) {
  for (outgoing& each : what.list) {
    if (each.repeated) {
      continue;
    }
    if (!each.source_row || each.source_row->has_action()) {
      return rpc_errc::message_id_invalid;
    }
    if (each.source_row->noforwards()) {
      return rpc_errc::chat_forwards_restricted;
    }
    if (!what.drop_author) {
      set_header(what, each, core, *each.message.mutable_forward());
    }
    each.message.set_text(each.source_row->text());
    each.message.mutable_entity()->CopyFrom(each.source_row->entity());
    each.message.set_invert_media(each.source_row->invert_media());
  }
  return std::nullopt;
}

} // namespace godwit::box
