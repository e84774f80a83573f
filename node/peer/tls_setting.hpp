#pragma once

#include <memory>
#include <string>

#include "node/peer/peer_credentials.hpp"
#include "protocol/expected.hpp"

struct ssl_ctx_st;
struct ssl_st;
struct x509_st;

namespace godwit::node {

/// One set of credentials, ready for connections: TLS 1.3 alone, both sides show certificates, nothing is resumed (each
/// connection is verified anew). Immutable; connections keep the one that they began with.
class tls_setting {
public:
  /// The error is one line that names what is wrong with them and the remedy.
  static expected<std::shared_ptr<const tls_setting>, std::string> make(const peer_credentials& from);
  ~tls_setting();
  tls_setting(const tls_setting&) = delete;
  tls_setting& operator=(const tls_setting&) = delete;

  [[nodiscard]] ssl_ctx_st* context() const { return context_; }
  [[nodiscard]] const std::string& cluster_id() const { return cluster_id_; }
  /// The node that the own certificate names.
  [[nodiscard]] persistence::node_id self() const { return self_; }

private:
  tls_setting() = default;
  expected<void, std::string> load(const peer_credentials& from);

  ssl_ctx_st* context_ = nullptr;
  std::string cluster_id_;
  persistence::node_id self_;
};

/// Whom a certificate names, by the URI among its subject's alternative names; no_node and empty when there is none.
struct certificate_subject {
  std::string cluster_id;
  persistence::node_id node = persistence::no_node;
};
certificate_subject subject_of(x509_st* certificate);

} // namespace godwit::node
