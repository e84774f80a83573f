#include <algorithm>
#include <limits>
#include <memory>
#include <unordered_map>
#include <utility>

#include "actors/box/box_views.hpp"
#include "actors/box/reading_calls.hpp"
#include "actors/box/text_entities.hpp"
#include "actors/box/text_search.hpp"
#include "config/limits.hpp"
#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/message_fn.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/user.hpp"

namespace godwit::box {
namespace {

/// What a MessagesFilter asks for.
enum class wanted_sort {
  all,
  pinned,
  links,
  nothing, ///< what no message here has: pictures, calls …
};

wanted_sort sort_of(const tl::MessagesFilter* filter) {
  switch (filter == nullptr ? tl::inputMessagesFilterEmpty::kind_id : filter->kind()) {
  case tl::inputMessagesFilterEmpty::kind_id: return wanted_sort::all;
  case tl::inputMessagesFilterPinned::kind_id: return wanted_sort::pinned;
  case tl::inputMessagesFilterUrl::kind_id: return wanted_sort::links;
  default: return wanted_sort::nothing;
  }
}

bool has_link(const Message& message) {
  return std::any_of(message.entity().begin(), message.entity().end(), [](const auto& entity) {
    return entity.kind() == static_cast<std::uint32_t>(text_entity_kind::url) ||
           entity.kind() == static_cast<std::uint32_t>(text_entity_kind::text_url) ||
           entity.kind() == static_cast<std::uint32_t>(text_entity_kind::email);
  });
}

/// What a message must be to be found.
struct search_terms {
  text_search text{std::string_view()};
  wanted_sort sort = wanted_sort::all;
  std::optional<bool> out;
  std::optional<user_id> saved_with;
  user_id self;
  unix_time min_date = 0;
  unix_time max_date = 0;

  [[nodiscard]] bool everything() const {
    return text.empty() && !out && !saved_with && min_date <= 0 && max_date <= 0;
  }
  [[nodiscard]] bool fits(const Message& message) const {
    return (!out || *out == message.out()) && (min_date <= 0 || message.date() > min_date) &&
           (max_date <= 0 || message.date() < max_date) && (sort != wanted_sort::pinned || message.pinned()) &&
           (sort != wanted_sort::links || has_link(message)) &&
           (!saved_with || saved_dialog(self, message) == *saved_with) &&
           (text.empty() || (!message.has_action() && text.fits(message.text())));
  }
};

/// For one page and its count: each text is searched once.
message_filter filter_of(const std::shared_ptr<const search_terms>& terms) {
  if (terms->text.empty()) {
    return [terms](const message_row&, const Message& message) { return terms->fits(message); };
  }
  auto known = std::make_shared<std::unordered_map<message_id, bool>>();
  return [terms, known](const message_row& row, const Message& message) {
    const auto [at, is_new] = known->try_emplace(row.id);
    if (is_new) {
      at->second = terms->fits(message);
    }
    return at->second;
  };
}

/// Cuts a window to the ids that dates leave, so that old messages are not looked for among the new ones.
void cut_to_dates(message_list& list, const search_terms& terms, message_window& window) {
  if (terms.max_date > 0) {
    const message_id end = first_since(list, terms.max_date);
    window.max_id = window.max_id > 0 ? std::min(window.max_id, end) : end;
  }
  if (terms.min_date > 0 && terms.min_date < std::numeric_limits<unix_time>::max()) {
    window.min_id = std::max(window.min_id, first_since(list, terms.min_date + 1) - 1);
  }
}

row_budget search_budget() { return {limits::search_rows_max, limits::search_bytes_max}; }

/// One page out of a list, and how many there are in all of it.
void read_found(message_list& list, const std::shared_ptr<const search_terms>& terms, message_window window,
                message_page& page) {
  cut_to_dates(list, *terms, window);
  const message_filter filter = filter_of(terms);
  found_messages found = read_window(list, window, filter, search_budget());
  const message_count counted = count_messages(list, window.min_id, window.max_id, filter, search_budget());
  page.messages = std::move(found.messages);
  page.count = std::max(counted.count, static_cast<std::int32_t>(page.messages.size()));
  page.inexact = counted.cut;
  page.whole = !found.cut && !counted.cut && std::cmp_equal(page.messages.size(), page.count);
}

void read_dialog(entity::row_reader& reader, user_id peer, const std::shared_ptr<const search_terms>& terms,
                 const message_window& window, message_page& page) {
  if (terms->sort == wanted_sort::pinned) {
    pinned_messages list(reader, peer);
    read_found(list, terms, window, page);
    return;
  }
  dialog_messages list(reader, peer);
  if (terms->sort != wanted_sort::all || !terms->everything() || window.max_id > 0 || window.min_id > 0) {
    read_found(list, terms, window, page);
    return;
  }
  const auto dialog = read_record<Dialog>(reader, records_table::dialog, peer_key(peer));
  page.count = dialog ? dialog->messages() : 0;
  if (window.add_offset < page.count) {
    found_messages found = read_window(list, window, {}, limits::search_rows_max);
    page.inexact = found.cut;
    page.messages = std::move(found.messages);
  }
  page.whole = std::cmp_equal(page.messages.size(), page.count);
}

/// Whose messages `from_id` leaves. Error: from_peer_invalid.
rpc_result<std::optional<user_id>> author_of(const box_core& core, const tl::InputPeer* from) {
  if (from == nullptr) {
    return std::optional<user_id>();
  }
  const rpc_result<user_id> author = core.people.resolve(from);
  if (!author) {
    return unexpected(rpc_error{rpc_errc::from_peer_invalid});
  }
  return std::optional<user_id>(*author);
}

std::int32_t page_limit(std::int32_t limit) { return std::clamp(limit, 0, limits::messages_per_page_max); }

/// messages.search without a peer: the whole box.
void search_box(box_core& core, const call_context& from, std::shared_ptr<const search_terms> terms,
                const message_window& window, entity_effects& out) {
  if (terms->text.empty() && terms->sort == wanted_sort::all) {
    out.answer(from.ticket, unexpected(rpc_error{rpc_errc::search_query_empty}));
    return;
  }
  answer_messages(
    core, from,
    [terms = std::move(terms), window](entity::row_reader& reader, message_page& page) {
      box_messages list(reader);
      read_found(list, terms, window, page);
      if (!page.messages.empty() && !page.whole) {
        page.next_rate = page.messages.back().message.date();
      }
    },
    out);
}

} // namespace

void search(box_core& core, const call_context& from, const tl::fn::messages_search& what, entity_effects& out) {
  auto terms = std::make_shared<search_terms>();
  terms->sort = sort_of(what.filter.get());
  terms->self = core.account.self;
  terms->min_date = what.min_date;
  terms->max_date = what.max_date;
  const message_window window{what.offset_id, 0, what.add_offset, page_limit(what.limit), what.max_id, what.min_id};
  const rpc_result<std::optional<user_id>> author = author_of(core, what.from_id.get());
  if (!author) {
    out.answer(from.ticket, unexpected(author.error()));
    return;
  }
  const bool anywhere = what.peer == nullptr || what.peer->kind() == tl::inputPeerEmpty::kind_id;
  rpc_result<user_id> peer = user_id{};
  if (!anywhere && !(peer = core.people.resolve(what.peer.get()))) {
    out.answer(from.ticket, unexpected(peer.error()));
    return;
  }
  bool possible = terms->sort != wanted_sort::nothing && what.q.size() <= limits::search_query_bytes_max &&
                  what.top_msg_id.value_or(0) == 0 && (!what.saved_reaction || what.saved_reaction->empty());
  if (*author) {
    terms->out = **author == core.account.self;
    possible = possible && (*terms->out || anywhere || **author == *peer);
  }
  if (what.saved_peer_id != nullptr) {
    const rpc_result<user_id> saved = core.people.resolve(what.saved_peer_id.get());
    if (!saved) {
      out.answer(from.ticket, unexpected(saved.error()));
      return;
    }
    terms->saved_with = *saved;
    possible = possible && *peer == core.account.self;
  }
  if (!possible) {
    answer_no_messages(from, out);
    return;
  }
  terms->text = text_search(what.q);
  if (!anywhere) {
    answer_messages(
      core, from,
      [terms, peer = *peer, window](entity::row_reader& reader, message_page& page) {
        read_dialog(reader, peer, terms, window, page);
      },
      out);
  } else if (*author && !*terms->out) {
    // What one account wrote is in the dialog with it.
    answer_messages(
      core, from,
      [terms, peer = **author, window](entity::row_reader& reader, message_page& page) {
        read_dialog(reader, peer, terms, window, page);
      },
      out);
  } else {
    search_box(core, from, std::move(terms), window, out);
  }
}

void search_global(box_core& core, const call_context& from, const tl::fn::messages_searchGlobal& what,
                   entity_effects& out) {
  auto terms = std::make_shared<search_terms>();
  terms->sort = sort_of(what.filter.get());
  terms->self = core.account.self;
  terms->min_date = what.min_date;
  terms->max_date = what.max_date;
  if (terms->sort == wanted_sort::nothing || what.broadcasts_only || what.groups_only || what.community != nullptr ||
      what.folder_id.value_or(0) != 0 || what.q.size() > limits::search_query_bytes_max) {
    answer_no_messages(from, out);
    return;
  }
  terms->text = text_search(what.q);
  // Numbers of messages are those of the whole box: whose dialog the last one was in does not matter.
  search_box(core, from, std::move(terms), {what.offset_id, what.offset_rate, 0, page_limit(what.limit), 0, 0}, out);
}

void get_search_counters(box_core& core, const call_context& from, const tl::fn::messages_getSearchCounters& what,
                         entity_effects& out) {
  const rpc_result<user_id> peer = core.people.resolve(what.peer.get());
  if (!peer) {
    out.answer(from.ticket, unexpected(peer.error()));
    return;
  }
  if (what.filters.size() > limits::search_filters_max) {
    out.answer(from.ticket, unexpected(rpc_error{rpc_errc::limit_invalid}));
    return;
  }
  struct counters {
    tl::fn::messages_getSearchCounters::result list;
    std::shared_ptr<search_terms> links;
    bool possible = false;
  };
  auto made = std::make_shared<counters>();
  made->possible = what.top_msg_id.value_or(0) == 0 && what.saved_peer_id == nullptr;
  made->links = std::make_shared<search_terms>();
  made->links->sort = wanted_sort::links;
  for (const tl::box<tl::MessagesFilter>& each : what.filters) {
    auto counter = tl::make<tl::messages_searchCounter>();
    std::string bytes;
    tl::writer copy(bytes);
    tl::store_box(copy, each.get(), from.layer);
    tl::reader in(bytes);
    counter->filter = tl::MessagesFilter::fetch(in);
    made->list.push_back(std::move(counter));
  }
  out.queries.push_back({[made, peer = *peer](entity::row_reader& reader) {
                           const auto dialog = read_record<Dialog>(reader, records_table::dialog, peer_key(peer));
                           std::optional<message_count> links;
                           for (tl::box<tl::messages_searchCounter>& each : made->list) {
                             const wanted_sort sort = sort_of(each->filter.get());
                             if (!dialog || !made->possible || sort == wanted_sort::nothing) {
                               continue;
                             }
                             if (sort == wanted_sort::links && !links) {
                               dialog_messages list(reader, peer);
                               links = count_messages(list, 0, 0, filter_of(made->links), search_budget());
                             }
                             each->count = sort == wanted_sort::all      ? dialog->messages()
                                           : sort == wanted_sort::pinned ? dialog->pinned_messages()
                                                                         : links->count;
                             each->inexact = sort == wanted_sort::links && links->cut;
                           }
                         },
                         [made, from](unix_time, entity_effects& more) {
                           std::string bytes;
                           tl::writer writer(bytes);
                           tl::fn::messages_getSearchCounters::store_result(writer, made->list, from.layer);
                           more.answer(from.ticket, writer.ok() ? rpc_result<std::string>(std::move(bytes))
                                                                : unexpected(rpc_error{rpc_errc::rpc_call_fail}));
                         }});
}

} // namespace godwit::box
