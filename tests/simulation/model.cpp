#include "tests/simulation/model.hpp"

#include "persistence/state/mutation.hpp"

namespace godwit::simulation {

using persistence::index_t;

void model::apply(index_t index, const persistence::slice& batch) {
  persistence::batch_reader reader(batch.view());
  persistence::row_write write;
  while (reader.next(write)) {
    auto found = rows_.find(write.key);
    if (found == rows_.end()) {
      found = rows_.emplace(std::string(write.key), std::vector<version>()).first;
    }
    std::vector<version>& history = found->second;
    if (!history.empty() && history.back().index == index) {
      history.back().value = write.value;
    } else {
      history.push_back({index, write.value});
    }
  }
}

std::optional<std::string_view> model::at(const std::vector<version>& history, index_t index) {
  // Mostly asked about the newest indices.
  for (auto each = history.rbegin(); each != history.rend(); ++each) {
    if (each->index <= index) {
      return each->value;
    }
  }
  return std::nullopt;
}

std::optional<std::string_view> model::value(std::string_view key, index_t index) const {
  const auto found = rows_.find(key);
  return found == rows_.end() ? std::nullopt : at(found->second, index);
}

std::string model::differences(std::span<const persistence::row> rows, index_t index, std::string_view from,
                               std::string_view to) const {
  auto row = rows.begin();
  auto end = to.empty() ? rows_.end() : rows_.lower_bound(to);
  for (auto key = rows_.lower_bound(from); key != end; ++key) {
    const std::optional<std::string_view> wanted = at(key->second, index);
    if (!wanted) {
      continue;
    }
    if (row == rows.end() || row->key > key->first) {
      return "a row is missing";
    }
    if (row->key < key->first) {
      return "a row that should not be there";
    }
    if (row->value.view() != *wanted) {
      return "a row has another value";
    }
    ++row;
  }
  return row == rows.end() ? std::string() : "a row behind the last one that should be there";
}

} // namespace godwit::simulation
