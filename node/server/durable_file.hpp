#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "protocol/expected.hpp"

namespace godwit::node {

/// Makes a file that is whole after a crash: written beside its name, synced, renamed, its folder synced.
/// Error: one line with the file and the reason.
expected<void, std::string> write_durably(const std::filesystem::path& file, std::string_view text, mode_t mode);

/// A small file; an error when it is larger than limits::config_file_bytes_max.
expected<std::string, std::string> read_small_file(const std::filesystem::path& file);

expected<void, std::string> sync_folder(const std::filesystem::path& folder);

} // namespace godwit::node
