#pragma once

#include <filesystem>
#include <string>

namespace godwit::test {

/// What a file has on the disk, without the holes of a sparse one, as long as they may be.
std::string bytes_on_disk(const std::filesystem::path& file);

} // namespace godwit::test
