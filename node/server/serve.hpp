#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "node/config/config_loader.hpp"
#include "node/server/data_folder.hpp"
#include "node/server/exit_code.hpp"

namespace godwit::node {

/// Which configuration and data folder a command means.
struct location {
  std::optional<std::filesystem::path> config; ///< --config
  std::optional<std::filesystem::path> data;   ///< --data
  std::vector<std::string> sets;               ///< --set
};

struct located {
  loaded_config config; ///< node.data is absolute
  data_folder folder;
  std::optional<std::filesystem::path> settings_file;
};

/// Reads the configuration: the file named, or godwit.toml in the data folder if it is there. The data
/// folder is that of --data, of the configuration, or the one the file is in.
expected<located, node_failure> locate(const location& where);

/// The socket of `godwit ctl`.
std::filesystem::path control_socket(const located& where);

/// Runs a node until a signal ends it; `godwit serve`.
exit_code serve(const location& where);

} // namespace godwit::node
