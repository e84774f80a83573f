#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

#include "actors/box/box_keys.hpp"
#include "actors/entity/row_reader.hpp"
#include "persistence/records/chat.pb.h"
#include "protocol/ids.hpp"

namespace godwit::box {

/// A message as it lies in a row.
struct message_row {
  user_id peer;
  message_id id = 0;
  std::string_view bytes;
};
/// False: enough.
using message_visitor = std::function<bool(const message_row&)>;

/// Messages in the order of their ids, behind one reader. Visits no more rows than it is asked for, and a few.
class message_list {
public:
  explicit message_list(entity::row_reader& reader) : reader_(reader) {}
  virtual ~message_list() = default;
  message_list(const message_list&) = delete;
  message_list& operator=(const message_list&) = delete;

  /// Ids of at least `first` and below `end`, the oldest one first.
  virtual void newer(message_id first, message_id end, const message_visitor& visit) = 0;
  /// The same, the newest one first.
  virtual void older(message_id first, message_id end, const message_visitor& visit) = 0;

protected:
  entity::row_reader& reader_;
};

/// Those of one dialog.
class dialog_messages final : public message_list {
public:
  dialog_messages(entity::row_reader& reader, user_id peer) : message_list(reader), peer_(peer) {}
  void newer(message_id first, message_id end, const message_visitor& visit) override;
  void older(message_id first, message_id end, const message_visitor& visit) override;

private:
  user_id peer_;
};

/// Those that are pinned in one dialog.
class pinned_messages final : public message_list {
public:
  pinned_messages(entity::row_reader& reader, user_id peer) : message_list(reader), peer_(peer) {}
  void newer(message_id first, message_id end, const message_visitor& visit) override;
  void older(message_id first, message_id end, const message_visitor& visit) override;

private:
  user_id peer_;
};

/// Those of the whole box.
class box_messages final : public message_list {
public:
  using message_list::message_list;
  void newer(message_id first, message_id end, const message_visitor& visit) override;
  void older(message_id first, message_id end, const message_visitor& visit) override;
};

inline constexpr message_id above_all_messages = std::numeric_limits<message_id>::max();

/// The first id whose message is not older than this date, or above_all_messages. Dates grow with ids but for seconds
/// between the clocks of two nodes; among such it finds one of the places that fit.
message_id first_since(message_list& list, unix_time date);

/// A part of a list, as the API asks for it: the list, newest first, is cut to ids above min_id and below max_id. Its
/// zero is the first message older than offset_id, or than offset_date; add_offset moves it, below 0 to newer ones.
/// Out of places from there on, `limit` many, come the messages that are there.
struct message_window {
  message_id offset_id = 0;
  unix_time offset_date = 0; ///< of no meaning beside an offset_id: clients send the date of the same message
  std::int32_t add_offset = 0;
  std::int32_t limit = 0;
  message_id max_id = 0;
  message_id min_id = 0;
};

using message_filter = std::function<bool(const message_row&, const persistence::records::Message&)>;

struct found_message {
  user_id peer;
  message_id id = 0;
  persistence::records::Message message;
};

/// What may be read beyond what is found.
struct row_budget {
  row_budget(std::size_t all_rows, std::size_t all_bytes = std::numeric_limits<std::size_t>::max())
      : rows(all_rows), bytes(all_bytes) {}
  /// False: nothing is left.
  bool spend(std::size_t row_bytes) {
    if (rows == 0 || bytes == 0) {
      return false;
    }
    --rows;
    bytes -= std::min(bytes, row_bytes);
    return true;
  }

  std::size_t rows;
  std::size_t bytes; ///< of rows that a filter looks at
};

/// Newest first.
struct found_messages {
  std::vector<found_message> messages;
  /// The page ended with limits::page_bytes_max. What is left out is what is farthest from its zero.
  bool full = false;
  /// The rows that may be looked at were too few: something may be missing.
  bool cut = false;
};

/// Without a filter every message counts, and those that are passed over are not even parsed. Looks at no more than
/// `budget` beyond those that it finds.
found_messages read_window(message_list& list, const message_window& window, const message_filter& filter,
                           row_budget budget);

/// How many messages between min_id and max_id fit.
struct message_count {
  std::int32_t count = 0;
  bool cut = false; ///< at least so many
};
message_count count_messages(message_list& list, message_id min_id, message_id max_id, const message_filter& filter,
                             row_budget budget);

} // namespace godwit::box
