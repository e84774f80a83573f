#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "node/config/config_loader.hpp"
#include "node/config/secrets_file.hpp"
#include "node/server/node.hpp"
#include "protocol/expected.hpp"

namespace godwit::node {

/// Where things are in a data folder:
///
///   godwit.toml         settings that `godwit init` wrote, for the operator to change
///   server_rsa.pem      the server's RSA key, PKCS#8, mode 0600
///   server_rsa.pub.pem  its public half, PKCS#1: clients are built with it
///   secrets.toml        who this node is, and the keys of access hashes and salts, mode 0600
///   storage/            persistence::lmdb::storage
///   control.sock        while a node runs
///   init.unfinished     only while `godwit init` or a snapshot makes the folder
struct data_folder {
  std::filesystem::path root;

  [[nodiscard]] std::filesystem::path settings() const { return root / "godwit.toml"; }
  [[nodiscard]] std::filesystem::path private_key() const { return root / "server_rsa.pem"; }
  [[nodiscard]] std::filesystem::path public_key() const { return root / "server_rsa.pub.pem"; }
  [[nodiscard]] std::filesystem::path secrets() const { return root / "secrets.toml"; }
  [[nodiscard]] std::filesystem::path storage() const { return root / "storage"; }
  [[nodiscard]] std::filesystem::path control_socket() const { return root / "control.sock"; }
  [[nodiscard]] std::filesystem::path unfinished() const { return root / "init.unfinished"; }
};

/// What a folder is told by.
struct identity {
  node_secrets secrets;
  std::string public_key_pem;
  std::uint64_t fingerprint = 0; ///< of the server's key, as clients compare it
};

/// Makes a cluster's first folder out of an empty or missing one, or of one where an earlier attempt
/// stopped half-way. Settings that `settings` has from elsewhere than the defaults go to the settings file,
/// which is `settings_file` or godwit.toml in the folder. All of it is on the disk when this returns.
expected<identity, node_failure> init_data_folder(const data_folder& folder, const loaded_config& settings,
                                                  const std::optional<std::filesystem::path>& settings_file);

/// Refuses whatever is no finished data folder: a missing or empty one, as an unmounted disk leaves it,
/// one half made, one of another cluster or node than the configuration says.
expected<identity, node_failure> open_data_folder(const data_folder& folder, const config::node_config& values);

/// Gives a copied storage the rest of a data folder. begin first, then the storage, then finish.
expected<void, std::string> begin_copy(const data_folder& target);
expected<void, std::string> finish_copy(const data_folder& from, const data_folder& target);

/// 16 hexadecimal digits.
std::string fingerprint_text(std::uint64_t fingerprint);

} // namespace godwit::node
