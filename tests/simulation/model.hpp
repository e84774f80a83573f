#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/base/slice.hpp"
#include "persistence/state/state_store.hpp"

namespace godwit::simulation {

/// What the state has to be at each index of the committed log: every key's history.
class model {
public:
  /// The committed entry at `index`, a batch; indices only grow.
  void apply(persistence::index_t index, const persistence::slice& batch);

  /// The row's value once everything up to `at` is applied.
  [[nodiscard]] std::optional<std::string_view> value(std::string_view key, persistence::index_t at) const;

  /// What is wrong with `rows` as the whole range [from, to) at that index; empty: nothing.
  [[nodiscard]] std::string differences(std::span<const persistence::row> rows, persistence::index_t at,
                                        std::string_view from = {}, std::string_view to = {}) const;

private:
  struct version {
    persistence::index_t index = 0;
    std::optional<std::string_view> value; ///< in the entry's payload, which the committed log holds
  };

  [[nodiscard]] static std::optional<std::string_view> at(const std::vector<version>& history,
                                                          persistence::index_t index);

  std::map<std::string, std::vector<version>, std::less<>> rows_;
};

} // namespace godwit::simulation
