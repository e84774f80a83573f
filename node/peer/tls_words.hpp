#pragma once

#include <string>

#include "persistence/base/types.hpp"

struct x509_st;

namespace godwit::node {

// What goes wrong between two nodes in TLS, in words that name the cause and the remedy.

/// `error`: of X509_verify_cert, about a certificate that the other side shows.
std::string words_for_certificate(int error, x509_st* certificate);
/// The other side's certificate is good, and of somebody else.
std::string words_for_other_cluster(const std::string& here);
std::string words_for_no_name();
std::string words_for_other_node(persistence::node_id named, persistence::node_id expected);
/// `reason`: of the first error that OpenSSL noted; the other side's alerts are among them.
std::string words_for_reason(unsigned long error);
/// The connection ended before both sides agreed.
std::string words_for_end(const std::string& why);

} // namespace godwit::node
