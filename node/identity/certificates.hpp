#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "node/identity/node_credentials.hpp"
#include "protocol/expected.hpp"

namespace godwit::node {

/// Seconds since 1970, by the wall clock.
using wall_seconds = std::int64_t;

/// A certificate in PEM, and its private key (PKCS#8); ECDSA with P-256.
struct certified_key {
  std::string certificate_pem;
  std::string key_pem;
};

/// How long a node's certificate is good for, and the authority's own. Both begin a day before they are made, so that
/// a clock which is wrong by hours is found by the clock guard and not by a handshake that fails.
inline constexpr wall_seconds certificate_seconds = 365LL * 86'400;
inline constexpr wall_seconds authority_seconds = 50LL * 365 * 86'400;
inline constexpr wall_seconds backdated_seconds = 86'400;

/// The cluster's own authority: it vouches for nodes and nobody else.
expected<certified_key, std::string> make_authority(std::string_view cluster_id, wall_seconds now);

/// Common name "godwit <cluster id> node <n>", URI "godwit://<cluster id>/node/<n>", good for both sides of TLS. `who`
/// has the authority, the cluster's id and the node's.
expected<certified_key, std::string> make_node_certificate(const node_credentials& who, wall_seconds now);

/// What a node's certificate says.
struct certificate_facts {
  std::string cluster_id;
  std::uint64_t node_id = 0;
  wall_seconds not_before = 0;
  wall_seconds not_after = 0;
};

/// Nothing when it is no certificate, or names no node of any cluster.
std::optional<certificate_facts> read_certificate(std::string_view pem);

enum class certificate_fault : std::uint8_t {
  unreadable,
  of_another_cluster, ///< names another one, or this cluster's authority did not sign it
  of_another_node,
  of_another_key, ///< than the private key beside it
  not_yet_valid,
  expired,
};

struct certificate_problem {
  certificate_fault what;
  std::string message; ///< one line with the remedy
};

/// What is wrong with the node's certificate, if anything is.
std::optional<certificate_problem> certificate_status(const node_credentials& who, wall_seconds now);

/// From when on the cluster's authority is good. Nothing: it cannot be read.
std::optional<wall_seconds> authority_begin(std::string_view pem);

/// Whether two thirds of its life are over.
bool renewal_due(const certificate_facts& facts, wall_seconds now);

/// SHA-256 of the certificate, 64 hexadecimal digits: how people and bundles name an authority. Empty when it is none.
std::string certificate_hash(std::string_view pem);

/// "2026-11-20", for messages.
std::string date_text(wall_seconds when);

} // namespace godwit::node
