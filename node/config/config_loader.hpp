#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/node_config.hpp"
#include "protocol/expected.hpp"

namespace godwit::node {

/// Where settings come from; each one overrules those before it.
struct config_sources {
  std::optional<std::filesystem::path> file;                    ///< TOML
  std::vector<std::pair<std::string, std::string>> environment; ///< GODWIT_SECTION_KEY; others are not looked at
  std::vector<std::string> sets;                                ///< section.key=value
};

/// Every GODWIT_… variable of this process.
std::vector<std::pair<std::string, std::string>> godwit_environment();

struct loaded_config {
  config::node_config values;
  /// Where a value came from, by key: "default", "FILE:LINE", "environment GODWIT_…", "--set". Keys that
  /// are not here have their default.
  std::map<std::string, std::string> origins;

  [[nodiscard]] std::string origin(const std::string& key) const;
};

/// Reads and validates. Error: one line with the file and line, or variable or option, the key, what is
/// wrong and the remedy. Values of secrets never appear in it. Paths in the file are relative to its
/// folder.
expected<loaded_config, std::string> load_config(const config_sources& sources);

/// The whole effective configuration as TOML, each line with its origin; secrets masked.
std::string describe_config(const loaded_config& loaded);
/// The same as a JSON object of {"key": {"value": …, "origin": …}}.
std::string describe_config_json(const loaded_config& loaded);

} // namespace godwit::node
