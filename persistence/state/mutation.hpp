#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "persistence/state/row_key.hpp"

namespace godwit::persistence {

// A log entry of kind `command` holds a Batch, the Protobuf message of records/mutation.proto. These
// classes write and read its bytes in place: a mutation is appended to the batch of its shard
// without a copy in between, and rows of the overlay point into the entry's payload.

/// Bytes of one mutation, growing at the end of a string.
class mutation_writer {
public:
  /// Appends to `out`, which outlives the writer.
  explicit mutation_writer(std::string& out) : out_(out) {}

  /// `sub_key` is at most sub_key_bytes_max long (asserted). A later write of the same key wins.
  void put(table_id table, entity_id entity, std::string_view sub_key, std::string_view value);
  void erase(table_id table, entity_id entity, std::string_view sub_key);

private:
  std::string& out_;
};

/// Appends one finished mutation to a batch.
void append_mutation(std::string& batch, std::string_view mutation);

/// One put, or one erase when `value` is empty of a value. Views into the batch.
struct row_write {
  std::string_view key; ///< as row_key encodes it
  std::optional<std::string_view> value;
};

/// Walks through all writes of a batch, in order. Takes any bytes: what is no batch, or holds a key
/// that row_key cannot have made, ends the walk with ok() false. Unknown fields are passed over.
class batch_reader {
public:
  explicit batch_reader(std::string_view batch) : batch_(batch) {}

  /// False at the end, and when the bytes are no batch: see ok().
  bool next(row_write& out);
  [[nodiscard]] bool ok() const { return ok_; }

private:
  std::string_view batch_;
  std::string_view mutation_;
  bool ok_ = true;
};

} // namespace godwit::persistence
