#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "cluster/shard/lane_messages.hpp"
#include "persistence/records/tables.hpp"
#include "persistence/state/mutation.hpp"

namespace godwit::cluster {

// The rows of lanes, see docs/formats.md. Each function appends to a mutation. An item's body is lent for that, rather
// than copied.

void put_outbox(persistence::mutation_writer& into, shard_id to, lane_item& item);
void erase_outbox(persistence::mutation_writer& into, shard_id to, std::uint64_t position);
void put_inbox(persistence::mutation_writer& into, const lane_accept& done);
void put_refused(persistence::mutation_writer& into, shard_id from, lane_item& item);

/// Key of an outbox row; a position may be any number.
std::string outbox_key(shard_id to, std::uint64_t position);
/// Of all rows of a table of lanes; `lane`: of one shard's.
std::string lane_prefix(persistence::records::table table);
std::string lane_prefix(persistence::records::table table, shard_id lane);

/// Which lane a row of these tables belongs to, and where it stands there; nothing: it is no such row.
struct lane_place {
  shard_id lane;
  std::uint64_t position = 0;
};
std::optional<lane_place> lane_place_of(std::string_view key);
/// Of an inbox row, whose key has no position.
std::optional<lane_accept> read_inbox(std::string_view key, std::string_view value);
std::optional<lane_item> read_outbox(std::string_view key, std::string_view value);

} // namespace godwit::cluster
