#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "node/config/config_values.hpp"
#include "protocol/expected.hpp"

namespace godwit::node {

/// One `name = value` of a section, in the order of the file. A section that is not a table of the
/// configuration comes once, with an empty name; a key outside of any section has an empty section.
struct toml_entry {
  std::string section;
  std::string name;
  std::uint32_t line = 0;
  raw_value value;
};

/// Error: one line with the file, the line, and what is wrong.
expected<std::vector<toml_entry>, std::string> read_toml_file(const std::filesystem::path& file);

} // namespace godwit::node
