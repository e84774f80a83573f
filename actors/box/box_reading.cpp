#include "actors/box/box_reading.hpp"

#include <string>
#include <utility>

#include "actors/box/reading_calls.hpp"
#include "config/limits.hpp"
#include "protocol/tl/api/dialog_fn.hpp"
#include "protocol/tl/api/message_fn.hpp"
#include "protocol/tl/api/messages.hpp"
#include "protocol/tl/api/messages_fn.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/user.hpp"

namespace godwit::box {

bool box_reading::takes(std::uint32_t kind) {
  switch (kind) {
  case tl::fn::messages_getHistory::kind_id:
  case tl::fn::messages_getMessages::kind_id:
  case tl::fn::messages_search::kind_id:
  case tl::fn::messages_searchGlobal::kind_id:
  case tl::fn::messages_getSearchCounters::kind_id:
  case tl::fn::messages_getDialogs::kind_id:
  case tl::fn::messages_getPinnedDialogs::kind_id:
  case tl::fn::messages_getPeerDialogs::kind_id:
  case tl::fn::messages_getAllDrafts::kind_id: return true;
  default: return false;
  }
}

bool box_reading::call(const call_context& from, const tl::fn::function& what, entity_effects& out) {
  if (const auto* const history = tl::as<tl::fn::messages_getHistory>(&what)) {
    get_history(core_, from, *history, out);
  } else if (const auto* const messages = tl::as<tl::fn::messages_getMessages>(&what)) {
    get_messages(core_, from, *messages, out);
  } else if (const auto* const found = tl::as<tl::fn::messages_search>(&what)) {
    look(from, out, [&] { search(core_, from, *found, out); });
  } else if (const auto* const global = tl::as<tl::fn::messages_searchGlobal>(&what)) {
    look(from, out, [&] { search_global(core_, from, *global, out); });
  } else if (const auto* const counters = tl::as<tl::fn::messages_getSearchCounters>(&what)) {
    look(from, out, [&] { get_search_counters(core_, from, *counters, out); });
  } else if (const auto* const dialogs = tl::as<tl::fn::messages_getDialogs>(&what)) {
    get_dialogs(core_, settings_, from, *dialogs, out);
  } else if (const auto* const pinned = tl::as<tl::fn::messages_getPinnedDialogs>(&what)) {
    get_pinned_dialogs(core_, settings_, from, *pinned, out);
  } else if (const auto* const peers = tl::as<tl::fn::messages_getPeerDialogs>(&what)) {
    get_peer_dialogs(core_, settings_, from, *peers, out);
  } else if (tl::as<tl::fn::messages_getAllDrafts>(&what) != nullptr) {
    get_all_drafts(core_, from, out);
  } else {
    return false;
  }
  return true;
}

template <class Call>
void box_reading::look(const call_context& from, entity_effects& out, const Call& call) {
  if (waiting_.size() >= limits::searches_waiting_max) {
    out.answer(from.ticket, unexpected(rpc_error{rpc_errc::flood_wait, 1}));
    return;
  }
  const std::size_t before = out.queries.size();
  call();
  if (out.queries.size() == before) {
    return;
  }
  entity::row_query query = std::move(out.queries.back());
  out.queries.pop_back();
  query.then = [this, then = std::move(query.then)](unix_time now, entity_effects& more) {
    searching_ = !waiting_.empty();
    if (searching_) {
      more.queries.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
    then(now, more);
  };
  if (searching_) {
    waiting_.push_back(std::move(query));
  } else {
    searching_ = true;
    out.queries.push_back(std::move(query));
  }
}

} // namespace godwit::box
