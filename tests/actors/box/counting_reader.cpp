#include "tests/actors/box/counting_reader.hpp"

namespace godwit::box::testing {

std::optional<std::string> counting_reader::get(records_table table, std::string_view sub_key) {
  ++gets;
  const auto found = rows_.find({table, std::string(sub_key)});
  return found == rows_.end() ? std::nullopt : std::optional(found->second);
}

void counting_reader::scan(records_table table, std::string_view from, std::string_view to, const visitor& visit) {
  for (auto each = rows_.lower_bound({table, std::string(from)});
       each != rows_.end() && each->first.first == table && (to.empty() || each->first.second < to); ++each) {
    ++visited;
    if (!visit(each->first.second, each->second)) {
      return;
    }
  }
}

void counting_reader::scan_back(records_table table, std::string_view from, std::string_view to, const visitor& visit) {
  const auto next = static_cast<records_table>(static_cast<std::uint8_t>(table) + 1);
  auto each = to.empty() ? rows_.lower_bound({next, std::string()}) : rows_.lower_bound({table, std::string(to)});
  while (each != rows_.begin()) {
    --each;
    if (each->first.first != table || each->first.second < from) {
      return;
    }
    ++visited;
    if (!visit(each->first.second, each->second)) {
      return;
    }
  }
}

} // namespace godwit::box::testing
