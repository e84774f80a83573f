#include <cstdlib>
#include <system_error>

#include "node/server/serve.hpp"

namespace godwit::node {
namespace {

namespace fs = std::filesystem;

fs::path absolute(const fs::path& path) {
  std::error_code error;
  auto made = fs::absolute(path, error).lexically_normal();
  if (error) {
    return path;
  }
  return made.has_filename() ? made : made.parent_path();
}

/// GODWIT_NODE_DATA names the folder as --data does, for it has to be known before the file is found.
std::optional<fs::path> data_from_environment() {
  const char* value = std::getenv("GODWIT_NODE_DATA");
  return value != nullptr && *value != '\0' ? std::optional<fs::path>(value) : std::nullopt;
}

} // namespace

expected<located, node_failure> locate(const location& where) {
  located found;
  found.settings_file = where.config;
  const std::optional<fs::path> data = where.data ? where.data : data_from_environment();
  if (!where.config && !data) {
    return unexpected(node_failure{exit_code::usage, "name the node with --config FILE or --data FOLDER"});
  }
  std::error_code ignored;
  if (!where.config && fs::exists(data_folder{*data}.settings(), ignored)) {
    found.settings_file = data_folder{*data}.settings();
  }
  auto loaded = load_config({.file = found.settings_file, .environment = godwit_environment(), .sets = where.sets});
  if (!loaded) {
    return unexpected(node_failure{exit_code::config, loaded.error()});
  }
  found.config = std::move(*loaded);
  std::string& folder = found.config.values.node.data;
  if (where.data) {
    folder = where.data->string();
    found.config.origins["node.data"] = "--data";
  } else if (folder.empty()) {
    folder = found.settings_file->parent_path().empty() ? "." : found.settings_file->parent_path().string();
    found.config.origins["node.data"] = "the folder of " + found.settings_file->string();
  }
  folder = absolute(folder).string();
  found.folder.root = folder;
  if (std::string& key = found.config.values.node.key_file; !key.empty()) {
    key = absolute(key).string();
  }
  if (found.config.values.node.name.empty()) {
    found.config.values.node.name = "node-" + std::to_string(found.config.values.node.id);
  }
  return found;
}

fs::path control_socket(const located& where) {
  const std::string& set = where.config.values.node.control_socket;
  return set.empty() ? where.folder.control_socket() : fs::path(set);
}

} // namespace godwit::node
