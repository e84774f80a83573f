#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "node/identity/certificates.hpp"
#include "node/identity/node_credentials.hpp"
#include "protocol/crypto/random.hpp"
#include "protocol/expected.hpp"

namespace godwit::node {

/// What `godwit invite` gives to one further node of a cluster.
struct bundle {
  node_credentials credentials; ///< made for that node; founder is false
  std::string cluster_name;
  std::vector<std::string> seeds; ///< "address:port" of nodes that it finds the cluster by
  std::vector<std::string> sets;  ///< settings that all nodes share, as --set takes them
  wall_seconds expires_at = 0;
};

/// How long a bundle can be used.
inline constexpr wall_seconds bundle_seconds = 7 * 86'400;
/// A passphrase that people chose has so many bytes at least.
inline constexpr std::size_t passphrase_bytes_min = 16;

/// 26 letters and digits in groups: 130 bits, to be passed on by another way than the bundle.
std::string draw_passphrase(crypto::random_source& random);

/// The text of the bundle's file. Cluster, node and last day stand in the open; the rest is sealed under a key that
/// scrypt makes of the passphrase, which takes a tenth of a second. With an empty passphrase whoever has the file has
/// all that is in it.
std::string bundle_text(const bundle& what, std::string_view passphrase, crypto::random_source& random);

/// Opens one. Error: one line with the remedy, for a wrong passphrase, a bundle that is damaged, or too old, or whose
/// authority is not the one that it pins.
expected<bundle, std::string> read_bundle(std::string_view text, std::string_view passphrase, wall_seconds now);

/// What stands in the open; the passphrase is not needed. Nothing: no bundle.
struct bundle_label {
  std::string cluster_id;
  std::uint64_t node_id = 0;
  wall_seconds expires_at = 0;
  bool passphrase = false; ///< it takes one to open the bundle
};
std::optional<bundle_label> read_bundle_label(std::string_view text);

} // namespace godwit::node
