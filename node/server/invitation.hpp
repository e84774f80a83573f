#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "node/identity/certificates.hpp"
#include "node/server/serve.hpp"

namespace godwit::node {

/// What `godwit invite` is told.
struct invitation_request {
  std::filesystem::path output;          ///< the bundle's file, which must not exist
  std::optional<std::uint64_t> node;     ///< the number that the new node gets; nothing: the next one
  std::optional<std::uint64_t> replaces; ///< a node that was lost, whose place the new one takes
  std::string address;                   ///< of the new node for its peers: an IP address, with a port or without
  std::vector<std::string> seeds;        ///< "address:port"; empty: this node, and those that it knows
  /// The bundle is sealed under the passphrase in this file, which is drawn and written if it is not there.
  std::optional<std::filesystem::path> passphrase_file;
};

struct invitation {
  std::uint64_t node_id = 0;
  std::vector<std::string> seeds;
  std::string authority; ///< certificate_hash
  wall_seconds expires_at = 0;
  std::uint64_t instead_of = 0; ///< the number that was to replace the same node, and does not any more
};

/// Makes the bundle of one further node. Asks the node that runs in the folder for a free number and for the addresses
/// of the others; without a running one the folder's own counter has to do.
expected<invitation, node_failure> invite(const located& where, const invitation_request& what, wall_seconds now);

/// Opens the bundle of a new node: its text, and the passphrase from `passphrase_file` if it takes one.
expected<bundle, node_failure> open_bundle(const std::filesystem::path& file,
                                           const std::optional<std::filesystem::path>& passphrase_file,
                                           wall_seconds now);

} // namespace godwit::node
