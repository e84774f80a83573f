#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "node/config/config_loader.hpp"
#include "node/identity/bundle.hpp"
#include "node/identity/node_credentials.hpp"
#include "node/server/node.hpp"
#include "protocol/expected.hpp"

namespace godwit::node {

/// Where things are in a data folder:
///
///   godwit.toml           settings that `godwit init` wrote, for the operator to change
///   node.key              opens the secrets, mode 0600; elsewhere when node.key_file says so
///   secrets.toml          who this node is, and the cluster's secrets, sealed; mode 0600
///   node_certificate.pem  this node's certificate, and its private key, sealed; mode 0600
///   server_rsa.pub.pem    the public half of the server's key, PKCS#1: clients are built with it
///   next_node             the number of the next node that this folder invites
///   incarnation           how often a node began here
///   begun                 once a node has served here: an empty storage is no beginning any more, but a loss
///   storage/              persistence::lmdb::storage
///   control.sock          while a node runs
///   init.unfinished       only while `godwit init` or a snapshot makes the folder
struct data_folder {
  std::filesystem::path root;

  [[nodiscard]] std::filesystem::path settings() const { return root / "godwit.toml"; }
  [[nodiscard]] std::filesystem::path key() const { return root / "node.key"; }
  [[nodiscard]] std::filesystem::path certificate() const { return root / "node_certificate.pem"; }
  [[nodiscard]] std::filesystem::path next_node() const { return root / "next_node"; }
  [[nodiscard]] std::filesystem::path incarnation() const { return root / "incarnation"; }
  [[nodiscard]] std::filesystem::path begun() const { return root / "begun"; }
  /// The server's private key in the open, as earlier versions had it.
  [[nodiscard]] std::filesystem::path open_server_key() const { return root / "server_rsa.pem"; }
  [[nodiscard]] std::filesystem::path public_key() const { return root / "server_rsa.pub.pem"; }
  [[nodiscard]] std::filesystem::path secrets() const { return root / "secrets.toml"; }
  [[nodiscard]] std::filesystem::path storage() const { return root / "storage"; }
  [[nodiscard]] std::filesystem::path control_socket() const { return root / "control.sock"; }
  [[nodiscard]] std::filesystem::path unfinished() const { return root / "init.unfinished"; }
};

/// What a folder is told by.
struct identity {
  node_credentials credentials;
  std::string public_key_pem;
  std::uint64_t fingerprint = 0; ///< of the server's key, as clients compare it
};

/// Makes a data folder out of an empty or missing one, or of one where an earlier attempt stopped half-way: a
/// cluster's first, or that of the node which `invited` is for. Settings that `settings` has from elsewhere than the
/// defaults go to the settings file, which is `settings_file` or godwit.toml in the folder. All of it is on the disk
/// when this returns.
expected<identity, node_failure> init_data_folder(const data_folder& folder, const loaded_config& settings,
                                                  const std::optional<std::filesystem::path>& settings_file,
                                                  const bundle* invited = nullptr);

/// Refuses whatever is no finished data folder: a missing or empty one, as an unmounted disk leaves it,
/// one half made, one of another cluster or node than the configuration says, one whose key is not there. Seals a
/// folder of an earlier version, and renews the certificate when it is time.
expected<identity, node_failure> open_data_folder(const data_folder& folder, const config::node_config& values);

/// Gives a copied storage the rest of a data folder. begin first, then the storage, then finish. `may_replace`: a node
/// that starts from the copy is the later one of its number, and the cluster takes it for the node; otherwise the copy
/// does not start.
expected<void, std::string> begin_copy(const data_folder& target);
expected<void, std::string> finish_copy(const data_folder& from, const data_folder& target, bool may_replace);

/// 16 hexadecimal digits.
std::string fingerprint_text(std::uint64_t fingerprint);

} // namespace godwit::node
