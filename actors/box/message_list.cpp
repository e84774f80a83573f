#include "actors/box/message_list.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "actors/box/box_views.hpp"
#include "config/limits.hpp"

namespace godwit::box {
namespace {

using entity::records_table;
using entity::row_reader;

/// Rows that lead to others are read this many at a time, after the scan: the first time one, for whoever wants one.
constexpr std::size_t rows_ahead_max = 64;

/// `[first, end)` as keys of a dialog's messages.
std::pair<std::string, std::string> key_range(user_id peer, message_id first, message_id end) {
  return {message_key(peer, std::max(first, 0)), message_key(peer, std::max(end, 0))};
}

/// Reads the ids of a table of references, in either direction, a few at a time, and hands each to `visit`.
template <class Read, class Visit>
void in_steps(message_id first, message_id end, bool back, const Read& read, const Visit& visit) {
  first = std::max(first, 1);
  std::vector<message_id> ids;
  for (std::size_t ahead = 1; first < end; ahead = std::min(ahead * 4, rows_ahead_max)) {
    ids.clear();
    read(first, end, ahead, ids);
    for (const message_id id : ids) {
      if (!visit(id)) {
        return;
      }
    }
    if (ids.size() < ahead) {
      return;
    }
    (back ? end : first) = back ? ids.back() : ids.back() + 1;
  }
}

void read_pinned(row_reader& reader, user_id peer, message_id first, message_id end, bool back,
                 const message_visitor& visit) {
  in_steps(
    first, end, back,
    [&](message_id from, message_id to, std::size_t ahead, std::vector<message_id>& ids) {
      const auto [low, high] = key_range(peer, from, to);
      const auto take = [&](std::string_view key, std::string_view) {
        if (const auto place = read_message_key(key)) {
          ids.push_back(place->id);
        }
        return ids.size() < ahead;
      };
      if (back) {
        reader.scan_back(records_table::message_pinned, low, high, take);
      } else {
        reader.scan(records_table::message_pinned, low, high, take);
      }
    },
    [&](message_id id) {
      const std::optional<std::string> row = reader.get(records_table::message, message_key(peer, id));
      return !row || visit({peer, id, *row});
    });
}

void read_box(row_reader& reader, message_id first, message_id end, bool back, const message_visitor& visit) {
  std::vector<user_id> peers;
  std::size_t next = 0;
  in_steps(
    first, end, back,
    [&](message_id from, message_id to, std::size_t ahead, std::vector<message_id>& ids) {
      peers.clear();
      next = 0;
      const auto take = [&](std::string_view key, std::string_view value) {
        const auto id = read_place_key(key);
        persistence::records::MessagePlace place;
        if (id && place.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
          ids.push_back(*id);
          peers.push_back(user_id{place.peer()});
        }
        return ids.size() < ahead;
      };
      if (back) {
        reader.scan_back(records_table::message_place, place_key(from), place_key(to), take);
      } else {
        reader.scan(records_table::message_place, place_key(from), place_key(to), take);
      }
    },
    [&](message_id id) {
      const user_id peer = peers[next++];
      const std::optional<std::string> row = reader.get(records_table::message, message_key(peer, id));
      return !row || visit({peer, id, *row});
    });
}

bool parse(const message_row& row, persistence::records::Message& message) {
  return message.ParseFromArray(row.bytes.data(), static_cast<int>(row.bytes.size()));
}

/// How much the messages of a page take on the wire, with the accounts in them.
class page_size {
public:
  /// False: the page is full.
  bool add(const found_message& what) {
    const std::size_t people_before = people_.size();
    people_.add(what.message, what.peer);
    bytes_ += wire_bytes(what.message) + person_bytes * (people_.size() - people_before);
    return bytes_ < limits::page_bytes_max;
  }

private:
  people_list people_;
  std::size_t bytes_ = 0;
};

/// Takes the places [from, to) of those that fit out of one direction of a list.
class window_side {
public:
  window_side(std::int64_t from, std::int64_t to, const message_filter& filter, row_budget& budget, page_size& size,
              found_messages& found)
      : from_(from), to_(to), filter_(filter), budget_(budget), size_(size), found_(found) {}

  bool take(const message_row& row) {
    const bool wanted = place_ >= from_;
    if ((!wanted || filter_) && !budget_.spend(filter_ ? row.bytes.size() : 0)) {
      found_.cut = true;
      return false;
    }
    if (wanted || filter_) {
      found_message each{row.peer, row.id, {}};
      if (!parse(row, each.message) || (filter_ && !filter_(row, each.message))) {
        return true;
      }
      if (wanted) {
        found_.full = !size_.add(each);
        found_.messages.push_back(std::move(each));
      }
    }
    return ++place_ < to_ && !found_.full;
  }

private:
  std::int64_t place_ = 0;
  std::int64_t from_;
  std::int64_t to_;
  const message_filter& filter_;
  row_budget& budget_;
  page_size& size_;
  found_messages& found_;
};

} // namespace

void dialog_messages::newer(message_id first, message_id end, const message_visitor& visit) {
  const auto [low, high] = key_range(peer_, first, end);
  reader_.scan(records_table::message, low, high, [&](std::string_view key, std::string_view value) {
    const auto place = read_message_key(key);
    return !place || visit({peer_, place->id, value});
  });
}

void dialog_messages::older(message_id first, message_id end, const message_visitor& visit) {
  const auto [low, high] = key_range(peer_, first, end);
  reader_.scan_back(records_table::message, low, high, [&](std::string_view key, std::string_view value) {
    const auto place = read_message_key(key);
    return !place || visit({peer_, place->id, value});
  });
}

void pinned_messages::newer(message_id first, message_id end, const message_visitor& visit) {
  read_pinned(reader_, peer_, first, end, false, visit);
}

void pinned_messages::older(message_id first, message_id end, const message_visitor& visit) {
  read_pinned(reader_, peer_, first, end, true, visit);
}

void box_messages::newer(message_id first, message_id end, const message_visitor& visit) {
  read_box(reader_, first, end, false, visit);
}

void box_messages::older(message_id first, message_id end, const message_visitor& visit) {
  read_box(reader_, first, end, true, visit);
}

message_id first_since(message_list& list, unix_time date) {
  // The largest id below which all is older. `low` is one that fits, and none above `high` does.
  message_id low = 1;
  message_id high = above_all_messages;
  message_id asked = above_all_messages;
  while (low < high) {
    std::optional<message_id> below;
    persistence::records::Message message;
    list.older(1, asked, [&](const message_row& row) {
      if (parse(row, message)) {
        below = row.id;
      }
      return false;
    });
    if (!below || message.date() < date) {
      low = asked;
    } else {
      high = *below;
    }
    asked = low + (high - low) / 2 + (high - low) % 2;
  }
  return low;
}

found_messages read_window(message_list& list, const message_window& window, const message_filter& filter,
                           row_budget budget) {
  found_messages found;
  if (window.limit <= 0) {
    return found;
  }
  const message_id first = std::max(window.min_id, 0) + (window.min_id < above_all_messages ? 1 : 0);
  const message_id end = window.max_id > 0 ? window.max_id : above_all_messages;
  message_id zero = above_all_messages;
  if (window.offset_id > 0) {
    zero = window.offset_id;
  } else if (window.offset_date > 0) {
    zero = first_since(list, window.offset_date);
  }
  zero = std::clamp(zero, std::min(first, end), end);

  page_size size;
  const std::int64_t begin_place = window.add_offset;
  const std::int64_t end_place = begin_place + window.limit;
  if (begin_place < 0) {
    // Places -1, -2, … are the newer ones, the nearest first.
    window_side side(std::max<std::int64_t>(0, -end_place), -begin_place, filter, budget, size, found);
    list.newer(std::max(zero, first), end, [&](const message_row& row) { return side.take(row); });
    std::reverse(found.messages.begin(), found.messages.end());
  }
  if (end_place > 0 && !found.cut && !found.full) {
    window_side side(std::max<std::int64_t>(0, begin_place), end_place, filter, budget, size, found);
    list.older(first, zero, [&](const message_row& row) { return side.take(row); });
  }
  return found;
}

message_count count_messages(message_list& list, message_id min_id, message_id max_id, const message_filter& filter,
                             row_budget budget) {
  message_count counted;
  const message_id end = max_id > 0 ? max_id : above_all_messages;
  list.older(std::max(min_id, 0) + (min_id < above_all_messages ? 1 : 0), end, [&](const message_row& row) {
    if (!budget.spend(filter ? row.bytes.size() : 0)) {
      counted.cut = true;
      return false;
    }
    persistence::records::Message message;
    if (parse(row, message) && (!filter || filter(row, message))) {
      ++counted.count;
    }
    return true;
  });
  return counted;
}

} // namespace godwit::box
