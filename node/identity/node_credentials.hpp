#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace godwit::node {

/// Who a node is, and every secret that it needs, opened. Most of it is the cluster's and the same on all nodes: each
/// of them can prove what any of them gave out. Never logged, never printed.
struct node_credentials {
  std::string cluster_id; ///< 32 hexadecimal digits
  std::uint64_t node_id = 0;
  /// Made by `godwit init` without a bundle: begins the cluster's shards by itself. False of a node that joined,
  /// whose shards come from the others.
  bool founder = true;
  std::uint64_t shards = 0; ///< of the cluster, without the group of its members

  // --- the cluster's ---
  std::array<std::uint8_t, 32> access_hash_key{}; ///< access_hash = keyed hash of viewer and target
  std::array<std::uint8_t, 32> salt_key{};        ///< server salts
  std::array<std::uint8_t, 32> record_key{};      ///< seals what is secret in stored rows
  std::string server_rsa_pem;                     ///< PKCS#8
  std::string ca_pem;                             ///< the authority's certificate
  std::string ca_key_pem;                         ///< PKCS#8

  // --- the node's own ---
  std::string certificate_pem; ///< given by the authority to this node
  std::string key_pem;         ///< its private key, PKCS#8
};

} // namespace godwit::node
