#pragma once

#include <memory>
#include <string>

#include "node/peer/peer_credentials.hpp"

struct evp_pkey_st;
struct x509_st;

namespace godwit::node::test {

/// Of which cluster, for which node and for what time a certificate is.
struct certificate_wish {
  std::string cluster_id = "00112233445566778899aabbccddeeff";
  std::uint64_t node = 1;
  long valid_from_s = -3600; ///< from now
  long valid_to_s = 3600;
  bool names_node = true;
  const char* usage = "serverAuth,clientAuth";
};

/// A cluster's CA, made anew.
class test_authority {
public:
  test_authority();
  ~test_authority();
  test_authority(const test_authority&) = delete;
  test_authority& operator=(const test_authority&) = delete;

  [[nodiscard]] peer_credentials issue(const certificate_wish& wish) const;
  [[nodiscard]] peer_credentials issue(std::uint64_t node) const { return issue({.node = node}); }
  [[nodiscard]] std::string ca_pem() const;

private:
  evp_pkey_st* key_;
  x509_st* certificate_;
};

} // namespace godwit::node::test
