#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "persistence/lmdb/environment.hpp"
#include "persistence/state/state_store.hpp"

namespace godwit::persistence::lmdb {

/// Handles of the named databases of a state environment.
struct state_tables {
  unsigned rows = 0;
  unsigned points = 0;
};

/// One read transaction of the state environment. Each value's checksum is verified before it is
/// shown; corrupt names folder, shard and table.
class lmdb_state_snapshot final : public state_snapshot {
public:
  lmdb_state_snapshot(environment& env, state_tables tables, read_transaction txn)
      : env_(env), tables_(tables), txn_(std::move(txn)) {}

  storage_result<flushed_state> at(shard_id shard) override;
  storage_result<std::optional<slice>> get(shard_id shard, std::string_view key) override;
  storage_result<void> scan(shard_id shard, const row_range& range,
                            const std::function<bool(std::string_view key, std::string_view value)>& visit) override;

private:
  environment& env_;
  state_tables tables_;
  read_transaction txn_;
  std::vector<std::pair<shard_id, flushed_state>> known_; ///< points read so far
};

/// Rows of one shard as snapshot chunks, from one picture of the store.
class lmdb_state_export final : public state_export {
public:
  lmdb_state_export(std::unique_ptr<state_snapshot> snapshot, shard_id shard, snapshot_point point)
      : snapshot_(std::move(snapshot)), shard_(shard), point_(std::move(point)) {}

  [[nodiscard]] const snapshot_point& point() const override { return point_; }
  storage_result<state_chunk> next(std::string_view after, std::uint64_t number, std::size_t bytes_max) override;

private:
  std::unique_ptr<state_snapshot> snapshot_;
  shard_id shard_;
  snapshot_point point_;
};

/// What an operator hears of a value whose checksum does not hold. `row` is the row's key.
storage_error damaged_row(const environment& env, shard_id shard, std::string_view row);
storage_error damaged_point(const environment& env, shard_id shard);

} // namespace godwit::persistence::lmdb
