#pragma once

#include <string>
#include <string_view>

namespace godwit::persistence {

// The bytes of a state_chunk, records/snapshot.proto's SnapshotRows, written and read in place.

/// Appends one row to a chunk.
void append_snapshot_row(std::string& chunk, std::string_view key, std::string_view value);

/// Walks through the rows of a chunk, in order. Takes any bytes: what is no chunk, or holds a key that
/// row_key cannot have made or that does not come after the one before it, ends the walk with ok()
/// false. Unknown fields are passed over.
class snapshot_row_reader {
public:
  /// Rows come behind `after`, if that is not empty.
  explicit snapshot_row_reader(std::string_view chunk, std::string_view after = {}) : chunk_(chunk), last_(after) {}

  /// Views into the chunk. False at the end, and when the bytes are no chunk: see ok().
  bool next(std::string_view& key, std::string_view& value);
  [[nodiscard]] bool ok() const { return ok_; }

private:
  std::string_view chunk_;
  std::string_view last_;
  bool ok_ = true;
};

} // namespace godwit::persistence
