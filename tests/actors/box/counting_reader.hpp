#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "actors/entity/row_reader.hpp"

namespace godwit::box::testing {

using entity::records_table;

/// Rows in a map, and how many of them were looked at.
class counting_reader final : public entity::row_reader {
public:
  using row_map = std::map<std::pair<records_table, std::string>, std::string>;
  explicit counting_reader(const row_map& rows) : rows_(rows) {}

  std::optional<std::string> get(records_table table, std::string_view sub_key) override;
  void scan(records_table table, std::string_view from, std::string_view to, const visitor& visit) override;
  void scan_back(records_table table, std::string_view from, std::string_view to, const visitor& visit) override;

  std::size_t gets = 0;
  std::size_t visited = 0;

private:
  const row_map& rows_;
};

} // namespace godwit::box::testing
