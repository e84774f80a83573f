#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "actors/entity/row_reader.hpp"
#include "persistence/base/persistence_errc.hpp"
#include "persistence/state/shard_state.hpp"

namespace godwit::entity {

/// A row_reader over the rows of a shard. Made on the shard's loop, used on a reader thread.
class shard_row_reader final : public row_reader {
public:
  /// Rows could not be read: thrown by every method.
  struct fault {
    persistence::storage_error why;
  };

  /// `unapplied`: what the entity proposed and the view does not have, as entity_actor::unapplied gives it.
  shard_row_reader(std::unique_ptr<persistence::shard_state::view> view, persistence::entity_id entity,
                   std::string unapplied);

  std::optional<std::string> get(records_table table, std::string_view sub_key) override;
  void scan(records_table table, std::string_view from, std::string_view to, const visitor& visit) override;
  void scan_back(records_table table, std::string_view from, std::string_view to, const visitor& visit) override;

private:
  /// Nothing: the row was erased.
  using written_rows = std::map<std::string, std::optional<std::string_view>, std::less<>>;

  void walk(records_table table, std::string_view from, std::string_view to, bool back, const visitor& visit);

  std::unique_ptr<persistence::shard_state::view> view_;
  persistence::entity_id entity_;
  std::string unapplied_; ///< written_ points into it
  written_rows written_;
};

} // namespace godwit::entity
