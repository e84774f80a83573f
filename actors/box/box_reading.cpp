#include "actors/box/box_reading.hpp"

#include <array>
#include <string>
#include <utility>

#include "actors/box/box_views.hpp"
#include "actors/box/reading_calls.hpp"
#include "protocol/tl/api/dialog_fn.hpp"
#include "protocol/tl/api/message_fn.hpp"
#include "protocol/tl/api/messages.hpp"
#include "protocol/tl/api/messages_fn.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/user.hpp"
#include "protocol/tl/api/user_full.hpp"

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
  case tl::fn::messages_getAllDrafts::kind_id:
  case tl::fn::messages_getPeerSettings::kind_id: return true;
  default: return false;
  }
}

bool box_reading::call(const call_context& from, const tl::fn::function& what, entity_effects& out) {
  if (const auto* const history = tl::as<tl::fn::messages_getHistory>(&what)) {
    get_history(core_, from, *history, out);
  } else if (const auto* const messages = tl::as<tl::fn::messages_getMessages>(&what)) {
    get_messages(core_, from, *messages, out);
  } else if (const auto* const found = tl::as<tl::fn::messages_search>(&what)) {
    search(core_, from, *found, out);
  } else if (const auto* const global = tl::as<tl::fn::messages_searchGlobal>(&what)) {
    search_global(core_, from, *global, out);
  } else if (const auto* const counters = tl::as<tl::fn::messages_getSearchCounters>(&what)) {
    get_search_counters(core_, from, *counters, out);
  } else if (const auto* const dialogs = tl::as<tl::fn::messages_getDialogs>(&what)) {
    get_dialogs(core_, settings_, from, *dialogs, out);
  } else if (const auto* const pinned = tl::as<tl::fn::messages_getPinnedDialogs>(&what)) {
    get_pinned_dialogs(core_, settings_, from, *pinned, out);
  } else if (const auto* const peers = tl::as<tl::fn::messages_getPeerDialogs>(&what)) {
    get_peer_dialogs(core_, settings_, from, *peers, out);
  } else if (tl::as<tl::fn::messages_getAllDrafts>(&what) != nullptr) {
    get_all_drafts(core_, from, out);
  } else if (const auto* const settings = tl::as<tl::fn::messages_getPeerSettings>(&what)) {
    get_peer_settings(core_, from, *settings, out);
  } else {
    return false;
  }
  return true;
}

void get_peer_settings(box_core& core, const call_context& from, const tl::fn::messages_getPeerSettings& what,
                       entity_effects& out) {
  const rpc_result<user_id> peer = core.people.resolve(what.peer.get());
  if (!peer) {
    out.answer(from.ticket, unexpected(peer.error()));
    return;
  }
  const std::array<user_id, 1> whom{*peer};
  core.people.with(whom, from.now, out, [&core, from, whom](unix_time now, entity_effects& more) {
    const user_id who = whom.front();
    auto view = tl::make<tl::messages_peerSettings>();
    view->settings = tl::make<tl::peerSettings>();
    const people::Relation* const relation = core.people.relation(who);
    const bool stranger =
      who != core.account.self && who != people::service_user && relation != nullptr && !relation->has_contact();
    view->settings->add_contact = stranger;
    // No button to block: clients want one to report beside it, and nobody reads reports.
    core.people.add_views(view->users, whom, now);
    std::string bytes;
    tl::writer writer(bytes);
    tl::fn::messages_getPeerSettings::store_result(writer, view, from.layer);
    more.answer(from.ticket, writer.ok() ? rpc_result<std::string>(std::move(bytes))
                                         : unexpected(rpc_error{rpc_errc::rpc_call_fail}));
  });
}

} // namespace godwit::box
