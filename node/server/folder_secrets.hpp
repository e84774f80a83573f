#pragma once

#include <filesystem>
#include <string>

#include "config/node_config.hpp"
#include "node/identity/certificates.hpp"
#include "node/identity/node_credentials.hpp"
#include "node/server/data_folder.hpp"
#include "protocol/expected.hpp"

namespace godwit::node {

/// node.key_file, or node.key in the folder.
std::filesystem::path key_file_of(const data_folder& folder, const config::node_config& values);

/// What a new cluster begins with: keys of its own, an authority, and its first node's certificate.
expected<node_credentials, std::string> draw_credentials(std::uint64_t node_id, std::uint64_t shards, wall_seconds now);

/// Writes the files of keys and secrets, secrets.toml last; all durable. The key file is made unless it is there.
/// Errors here and below: one line with the remedy.
expected<void, std::string> write_credentials(const data_folder& folder, const std::filesystem::path& key_file,
                                              const node_credentials& who);

/// Reads and opens them. A folder whose secrets are in the open, as earlier versions made it, is sealed first; nothing
/// is removed before everything is on the disk in its new form. A certificate that is missing, over, or due for
/// renewal is made anew; one that is anybody else's is an error.
expected<node_credentials, std::string> open_credentials(const data_folder& folder,
                                                         const std::filesystem::path& key_file, wall_seconds now);

/// Gives the node a new certificate and writes it when two thirds of the life of the one it has are over; true when it
/// did. Call it about once an hour. Blocks for a disk's sync.
expected<bool, std::string> renew_certificate(const data_folder& folder, const config::node_config& values,
                                              node_credentials& who, wall_seconds now);

/// Seconds since 1970.
wall_seconds wall_clock_now();

} // namespace godwit::node
