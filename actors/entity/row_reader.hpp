#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "persistence/records/tables.hpp"

namespace godwit::entity {

using records_table = persistence::records::table;

/// The rows of one entity at one moment: what was applied, and over it what the entity proposed before it asked. On
/// the thread that the reader was given to, which may be blocked by the disk. What cannot be read is thrown as
/// shard_row_reader::fault, which is the shell's to catch.
class row_reader {
public:
  virtual ~row_reader() = default;

  virtual std::optional<std::string> get(records_table table, std::string_view sub_key) = 0;

  /// Visits rows with from <= sub_key < to, in order of their sub-keys as bytes, or backwards, until `visit` says
  /// false. An empty `to` has no end. Both views die when `visit` returns.
  using visitor = std::function<bool(std::string_view sub_key, std::string_view value)>;
  virtual void scan(records_table table, std::string_view from, std::string_view to, const visitor& visit) = 0;
  virtual void scan_back(records_table table, std::string_view from, std::string_view to, const visitor& visit) = 0;
};

} // namespace godwit::entity
