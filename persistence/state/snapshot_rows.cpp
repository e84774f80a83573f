#include "persistence/state/snapshot_rows.hpp"

#include "persistence/state/row_key.hpp"
#include "persistence/state/wire.hpp"

namespace godwit::persistence {

namespace {

// Field numbers of records/snapshot.proto: on the wire, never renumber.
constexpr std::uint32_t rows_row = 1;
constexpr std::uint32_t row_key_field = 1;
constexpr std::uint32_t row_value_field = 2;

} // namespace

void append_snapshot_row(std::string& chunk, std::string_view key, std::string_view value) {
  chunk.push_back(static_cast<char>(wire::bytes_tag(rows_row)));
  wire::append_varint(chunk, wire::bytes_size(key.size()) + wire::bytes_size(value.size()));
  wire::append_bytes(chunk, row_key_field, key);
  wire::append_bytes(chunk, row_value_field, value);
}

bool snapshot_row_reader::next(std::string_view& key, std::string_view& value) {
  std::uint32_t tag = 0;
  std::string_view row;
  do {
    if (!ok_ || !wire::take_field(chunk_, tag, row)) {
      ok_ = ok_ && chunk_.empty();
      return false;
    }
  } while (tag != wire::bytes_tag(rows_row));
  key = {};
  value = {};
  std::string_view content;
  while (wire::take_field(row, tag, content)) {
    if (tag == wire::bytes_tag(row_key_field)) {
      key = content;
    } else if (tag == wire::bytes_tag(row_value_field)) {
      value = content;
    }
  }
  ok_ = row.empty() && valid_row_key(key) && (last_.empty() || last_ < key);
  last_ = key;
  return ok_;
}

} // namespace godwit::persistence
