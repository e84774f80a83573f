#pragma once

#include <string>

#include "persistence/base/types.hpp"

namespace godwit::node {

/// What a node shows to the others, and what it accepts of them. All of it PEM.
struct peer_credentials {
  std::string ca_pem;          ///< the cluster's CA: nothing else is trusted
  std::string certificate_pem; ///< of this node, signed by the CA, for servers and clients alike
  std::string private_key_pem; ///< of the certificate; not encrypted
  std::string cluster_id;      ///< that the certificates of this node and of the others have to name
};

/// The common name of a node's certificate, for people.
inline std::string certificate_name(const std::string& cluster_id, persistence::node_id node) {
  return "godwit " + cluster_id + " node " + std::to_string(node.value());
}

/// The URI among the subject's alternative names of a node's certificate: by this the others know it.
inline std::string certificate_uri(const std::string& cluster_id, persistence::node_id node) {
  return "godwit://" + cluster_id + "/node/" + std::to_string(node.value());
}

} // namespace godwit::node
