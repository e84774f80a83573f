#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "protocol/expected.hpp"

namespace godwit::node {

/// Whether a node has begun in the folder, or in the one that it is a whole copy of.
bool has_begun(const std::filesystem::path& data_folder);

/// The number of this start of the node, greater than that of every earlier one; it is on the disk when this returns.
/// Other nodes tell by it which of two processes is the later one, whatever the clocks say. Error: one line with file
/// and remedy.
expected<std::uint64_t, std::string> next_incarnation(const std::filesystem::path& data_folder);

} // namespace godwit::node
