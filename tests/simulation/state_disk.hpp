#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "persistence/state/state_store.hpp"

namespace godwit::simulation {

using stored_rows = std::map<std::string, persistence::slice, std::less<>>;

/// What a state store's file holds for the one shard of the simulation, in the crash model of LMDB with
/// MDB_NOMETASYNC: a commit is visible at once, and a crash undoes at most the last one, as a whole,
/// unless a later commit or a sync was finished.
class state_disk {
public:
  [[nodiscard]] const persistence::flushed_state& state() const { return state_; }
  /// Shared with snapshots; a later commit then goes to a copy.
  [[nodiscard]] std::shared_ptr<const stored_rows> rows() const { return rows_; }
  /// The state that no crash undoes.
  [[nodiscard]] persistence::index_t durable() const { return durable_point().index; }
  [[nodiscard]] const persistence::snapshot_point& durable_point() const {
    return undo_ ? undo_->state.point : state_.point;
  }
  [[nodiscard]] bool can_lose() const { return undo_.has_value(); }

  /// Begins a commit: what was committed before is durable from now on.
  void begin_commit();
  void write(const std::string& key, std::optional<persistence::slice> value);
  void end_commit(persistence::flushed_state state) { state_ = std::move(state); }

  void sync() { undo_.reset(); }
  /// The crash that undoes the last commit, if it can.
  void lose_last_commit();
  /// An installed snapshot: synced.
  void replace(stored_rows rows, persistence::flushed_state state);

private:
  struct undo {
    persistence::flushed_state state;
    std::vector<std::pair<std::string, std::optional<persistence::slice>>> rows; ///< in the order of writing
  };

  stored_rows& own_rows();

  persistence::flushed_state state_;
  std::shared_ptr<stored_rows> rows_ = std::make_shared<stored_rows>();
  std::optional<undo> undo_;
};

} // namespace godwit::simulation
