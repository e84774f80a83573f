#pragma once

#include <filesystem>
#include <string_view>

#include "persistence/base/persistence_errc.hpp"

namespace godwit::persistence::lmdb {

/// What to do about damaged data. An old copy of a voter has forgotten what it promised to the others.
#define GODWIT_DAMAGED_DATA_REMEDY                                                                                     \
  "If this is the only node, restore the folder from a backup; otherwise remove the node from the cluster and add it " \
  "again as a new one with an empty folder."

/// Turns a code of LMDB or errno into an error that names the folder, what was being done ("while
/// …") and what an operator can do about it.
storage_error environment_error(const std::filesystem::path& folder, int code, std::string_view doing);

} // namespace godwit::persistence::lmdb
