#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "actors/box/box_core.hpp"
#include "actors/box/box_settings.hpp"
#include "actors/box/message_list.hpp"
#include "protocol/rpc_error.hpp"
#include "protocol/tl/api/forward.hpp"
#include "protocol/tl/object.hpp"

namespace godwit::box {

// The calls of box_reading. Each reads in one query, asks for the people that it found, and answers.

/// Messages on their way into an answer of type messages.Messages.
struct message_page {
  std::optional<rpc_error> error;
  /// Those without a peer are not there, and shown as messageEmpty.
  std::vector<found_message> messages;
  /// How many there are in all; `inexact`: at least.
  std::int32_t count = 0;
  bool inexact = false;
  /// The page is no part of a longer list.
  bool whole = false;
  std::optional<std::int32_t> next_rate;
};

/// Runs `read` on a reader's thread and answers with the page.
void answer_messages(box_core& core, const call_context& from,
                     std::function<void(entity::row_reader&, message_page&)> read, entity_effects& out);
/// Answers at once with a page of nothing.
void answer_no_messages(const call_context& from, entity_effects& out);

void get_history(box_core& core, const call_context& from, const tl::fn::messages_getHistory& what,
                 entity_effects& out);
void get_messages(box_core& core, const call_context& from, const tl::fn::messages_getMessages& what,
                  entity_effects& out);

void search(box_core& core, const call_context& from, const tl::fn::messages_search& what, entity_effects& out);
void search_global(box_core& core, const call_context& from, const tl::fn::messages_searchGlobal& what,
                   entity_effects& out);
void get_search_counters(box_core& core, const call_context& from, const tl::fn::messages_getSearchCounters& what,
                         entity_effects& out);

void get_dialogs(box_core& core, const box_settings& settings, const call_context& from,
                 const tl::fn::messages_getDialogs& what, entity_effects& out);
void get_pinned_dialogs(box_core& core, const box_settings& settings, const call_context& from,
                        const tl::fn::messages_getPinnedDialogs& what, entity_effects& out);
void get_peer_dialogs(box_core& core, const box_settings& settings, const call_context& from,
                      const tl::fn::messages_getPeerDialogs& what, entity_effects& out);
void get_all_drafts(box_core& core, const call_context& from, entity_effects& out);

/// updates.state of this row of the box.
tl::box<tl::updates_state> state_view(const persistence::records::UserBox& box, unix_time date);

/// A record of one row; nothing when it is not there, or cannot be read.
template <class Record>
std::optional<Record> read_record(entity::row_reader& reader, records_table table, const std::string& sub_key) {
  const std::optional<std::string> row = reader.get(table, sub_key);
  Record record;
  if (!row || !record.ParseFromString(*row)) {
    return std::nullopt;
  }
  return record;
}

} // namespace godwit::box
