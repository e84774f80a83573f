#pragma once

#include <cstdint>
#include <string_view>

#include "persistence/state/state_store.hpp"
#include "tests/simulation/state_disk.hpp"

namespace godwit::simulation {

/// Rows behind `after` as a chunk. The simulation's own form: lengths in four bytes, then the bytes.
persistence::state_chunk pack_rows(const stored_rows& rows, std::string_view after, std::uint64_t number,
                                   std::size_t bytes_max);
void unpack_rows(std::string_view bytes, stored_rows& out);

} // namespace godwit::simulation
