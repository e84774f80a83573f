#include "tests/simulation/state_disk.hpp"

namespace godwit::simulation {

using persistence::slice;

stored_rows& state_disk::own_rows() {
  if (rows_.use_count() > 1) {
    rows_ = std::make_shared<stored_rows>(*rows_);
  }
  return *rows_;
}

void state_disk::begin_commit() { undo_ = undo{state_, {}}; }

void state_disk::write(const std::string& key, std::optional<slice> value) {
  stored_rows& rows = own_rows();
  const auto at = rows.find(key);
  undo_->rows.emplace_back(key, at == rows.end() ? std::nullopt : std::optional<slice>(at->second));
  if (value) {
    rows.insert_or_assign(key, std::move(*value));
  } else if (at != rows.end()) {
    rows.erase(at);
  }
}

void state_disk::lose_last_commit() {
  if (!undo_) {
    return;
  }
  stored_rows& rows = own_rows();
  for (auto each = undo_->rows.rbegin(); each != undo_->rows.rend(); ++each) {
    if (each->second) {
      rows.insert_or_assign(each->first, *each->second);
    } else {
      rows.erase(each->first);
    }
  }
  state_ = undo_->state;
  undo_.reset();
}

void state_disk::replace(stored_rows rows, persistence::flushed_state state) {
  rows_ = std::make_shared<stored_rows>(std::move(rows));
  state_ = std::move(state);
  undo_.reset();
}

} // namespace godwit::simulation
