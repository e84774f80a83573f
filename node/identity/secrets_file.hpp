#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "node/identity/key_file.hpp"
#include "node/identity/node_credentials.hpp"
#include "protocol/expected.hpp"

namespace godwit::node {

/// secrets.toml of a data folder as it stands on the disk: who the node is, for everyone who may read the folder, and
/// its secrets, sealed. Format 1 had them in the open and knew no certificates.
struct secrets_file {
  std::int64_t format = 0;
  node_credentials open;    ///< ids and `founder`; of format 1 also the two keys that it held
  std::string sealed_under; ///< folder_key::name
  std::string sealed;       ///< what unseal_secrets opens
};

/// Reads formats 1 and 2. Error: one line with the file and the remedy; no key material in it.
expected<secrets_file, std::string> read_secrets(const std::filesystem::path& file);

/// The text of the file, format 2: everything of `who` but what stands in the file of the certificate.
std::string secrets_text(const node_credentials& who, const folder_key& key, crypto::random_source& random);

/// Opens a file of format 2. Error: one line that tells a wrong key from a damaged file.
expected<node_credentials, std::string> unseal_secrets(const secrets_file& read, const folder_key& key,
                                                       const std::filesystem::path& file,
                                                       const std::filesystem::path& key_file);

/// node_certificate.pem: the certificate of `who` in the open, its private key sealed.
std::string certificate_text(const node_credentials& who, const folder_key& key, crypto::random_source& random);

/// Puts certificate and private key into `who`. False when the private key cannot be opened: then there is none in
/// `who`, and certificate_status tells what is wrong.
bool read_certificate_text(const std::string& text, const folder_key& key, node_credentials& who);

/// The inside of sealed files: the cluster's secrets as TOML.
std::string cluster_secrets_text(const node_credentials& who);
/// False when something is missing or malformed.
bool read_cluster_secrets(std::string_view text, node_credentials& into);

} // namespace godwit::node
