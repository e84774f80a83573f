#include "persistence/state/mutation.hpp"

#include <cassert>

#include "persistence/state/wire.hpp"

namespace godwit::persistence {

namespace {

// Field numbers of records/mutation.proto: on disk and on the wire, never renumber.
constexpr std::uint32_t batch_mutation = 1;
constexpr std::uint32_t mutation_write = 1;
constexpr std::uint32_t write_key = 1;
constexpr std::uint32_t write_value = 2;

void append_write_key(std::string& out, std::size_t value_field_bytes, table_id table, entity_id entity,
                      std::string_view sub_key) {
  assert(sub_key.size() <= sub_key_bytes_max);
  const std::size_t key_bytes = row_key_prefix_bytes + sub_key.size();
  out.push_back(static_cast<char>(wire::bytes_tag(mutation_write)));
  wire::append_varint(out, wire::bytes_size(key_bytes) + value_field_bytes);
  out.push_back(static_cast<char>(wire::bytes_tag(write_key)));
  wire::append_varint(out, key_bytes);
  append_row_key(out, table, entity, sub_key);
}

// As Protobuf reads it: of a field that comes twice the last one counts.
bool read_write(std::string_view bytes, row_write& out) {
  out.key = {};
  out.value.reset();
  std::uint32_t tag = 0;
  std::string_view content;
  while (wire::take_field(bytes, tag, content)) {
    if (tag == wire::bytes_tag(write_key)) {
      out.key = content;
    } else if (tag == wire::bytes_tag(write_value)) {
      out.value = content;
    }
  }
  return bytes.empty() && valid_row_key(out.key);
}

} // namespace

void mutation_writer::put(table_id table, entity_id entity, std::string_view sub_key, std::string_view value) {
  append_write_key(out_, wire::bytes_size(value.size()), table, entity, sub_key);
  wire::append_bytes(out_, write_value, value);
}

void mutation_writer::erase(table_id table, entity_id entity, std::string_view sub_key) {
  append_write_key(out_, 0, table, entity, sub_key);
}

void append_mutation(std::string& batch, std::string_view mutation) {
  wire::append_bytes(batch, batch_mutation, mutation);
}

bool batch_reader::next(row_write& out) {
  std::uint32_t tag = 0;
  std::string_view content;
  while (ok_) {
    if (mutation_.empty()) {
      if (!wire::take_field(batch_, tag, content)) {
        ok_ = batch_.empty();
        return false;
      }
      if (tag == wire::bytes_tag(batch_mutation)) {
        mutation_ = content;
      }
    } else if (!wire::take_field(mutation_, tag, content)) {
      ok_ = false; // not empty, and no field
    } else if (tag == wire::bytes_tag(mutation_write)) {
      ok_ = read_write(content, out);
      return ok_;
    }
  }
  return false;
}

} // namespace godwit::persistence
