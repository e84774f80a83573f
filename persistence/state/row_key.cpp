#include "persistence/state/row_key.hpp"

#include <cassert>

namespace godwit::persistence {

void append_row_key(std::string& out, table_id table, entity_id entity, std::string_view sub_key) {
  assert(sub_key.size() <= sub_key_bytes_max);
  char prefix[row_key_prefix_bytes];
  prefix[0] = static_cast<char>(table.value());
  for (std::size_t i = 1; i < row_key_prefix_bytes; ++i) {
    prefix[i] = static_cast<char>(entity.value() >> (8 * (row_key_prefix_bytes - 1 - i)));
  }
  out.append(prefix, sizeof(prefix));
  out.append(sub_key);
}

std::string prefix_end(std::string_view prefix) {
  // The last byte that can be counted up is; those behind it, all 0xFF, go.
  while (!prefix.empty() && prefix.back() == '\xFF') {
    prefix.remove_suffix(1);
  }
  std::string end(prefix);
  if (!end.empty()) {
    end.back() = static_cast<char>(end.back() + 1);
  }
  return end;
}

} // namespace godwit::persistence
