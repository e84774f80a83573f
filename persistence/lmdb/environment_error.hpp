#pragma once

#include <filesystem>
#include <string_view>

#include "persistence/base/persistence_errc.hpp"

namespace godwit::persistence::lmdb {

/// Turns a code of LMDB or errno into an error that names the folder, what was being done ("while
/// …") and what an operator can do about it.
storage_error environment_error(const std::filesystem::path& folder, int code, std::string_view doing);

} // namespace godwit::persistence::lmdb
