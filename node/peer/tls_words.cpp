#include "node/peer/tls_words.hpp"

#include <openssl/asn1.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <ctime>

namespace godwit::node {

namespace {

std::string date_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) {
    return "an unknown date";
  }
  std::array<char, 32> text{};
  const auto length = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &parts);
  return {text.data(), length};
}

/// What the other side says about this one.
std::string words_for_alert(int alert) {
  const std::string refused = "the other node does not accept this node's certificate: ";
  switch (alert) {
  case SSL_AD_CERTIFICATE_EXPIRED:
    return refused + "it has expired. Restart this node: it gives itself a new one; if the certificate is still valid, "
                     "set the other machine's clock";
  case SSL_AD_UNKNOWN_CA:
  case SSL_AD_DECRYPT_ERROR:
    return refused + "another cluster's CA signed it. Is the address of a node of this cluster, and was this node's "
                     "bundle made in this cluster?";
  case SSL_AD_CERTIFICATE_REQUIRED: return refused + "it saw none. Give this node its bundle: godwit invite";
  case SSL_AD_HANDSHAKE_FAILURE:
    return refused + "it is of another cluster, or of another node than is expected at this address";
  case SSL_AD_BAD_CERTIFICATE:
    return refused + "it is damaged or not valid yet. Compare the clocks of both machines; if they agree, remove "
                     "node_certificate.pem here and restart: the node makes a new one";
  case SSL_AD_UNSUPPORTED_CERTIFICATE:
  case SSL_AD_CERTIFICATE_UNKNOWN:
  case SSL_AD_CERTIFICATE_REVOKED:
    return refused + "it is not made for nodes. Remove node_certificate.pem here and restart: the node makes a new one";
  case SSL_AD_PROTOCOL_VERSION: return "the other side does not speak TLS 1.3: is it a node of this cluster?";
  case SSL_AD_NO_RENEGOTIATION:
  case SSL_AD_UNEXPECTED_MESSAGE:
  case SSL_AD_RECORD_OVERFLOW:
  case SSL_AD_DECODE_ERROR: return "the other side does not understand this one: is it a node of this cluster?";
  default: return "the other side ended TLS with alert " + std::to_string(alert);
  }
}

} // namespace

std::string words_for_certificate(int error, X509* certificate) {
  const std::string invite = "make a new bundle for it with godwit invite";
  const std::string again = "if it is a node, remove its node_certificate.pem and restart it: it makes a new one";
  switch (error) {
  case X509_V_ERR_CERT_HAS_EXPIRED:
    return "the other node's certificate has expired on " + date_of(X509_get0_notAfter(certificate)) +
           ": restart that node, and it gives itself a new one. If that date has not come, set this machine's clock";
  case X509_V_ERR_CERT_NOT_YET_VALID:
    return "the other node's certificate is not valid before " + date_of(X509_get0_notBefore(certificate)) +
           ": set the clock of this machine, or of the one that made the certificate";
  case X509_V_ERR_CERT_SIGNATURE_FAILURE:
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
  case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
  case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
  case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    return "the other side's certificate was not signed by this cluster's CA: it is of another cluster, or no node. "
           "Check the address; if it is right, " +
           invite;
  case X509_V_ERR_INVALID_PURPOSE:
    return "the other side's certificate is not made for connections between nodes: " + again;
  default:
    return std::string("the other side's certificate is not accepted (") + X509_verify_cert_error_string(error) +
           "): " + again;
  }
}

std::string words_for_other_cluster(const std::string& here) {
  return "the other node's certificate names another cluster than " + here + ": check the address";
}

std::string words_for_no_name() {
  return "the other side's certificate names no node: make a bundle for it with godwit invite";
}

std::string words_for_other_node(persistence::node_id named, persistence::node_id expected) {
  return "node " + std::to_string(named.value()) + " answers where node " + std::to_string(expected.value()) +
         " was expected: correct the address of one of them (peers.advertised, peers.fixed)";
}

std::string words_for_reason(unsigned long error) {
  const int reason = ERR_GET_REASON(error);
  if (ERR_GET_LIB(error) == ERR_LIB_SSL && reason >= SSL_AD_REASON_OFFSET) {
    return words_for_alert(reason - SSL_AD_REASON_OFFSET);
  }
  switch (reason) {
  case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    return "the other side shows no certificate: it is no node, or has not got its bundle (godwit invite)";
  case SSL_R_WRONG_VERSION_NUMBER:
  case SSL_R_HTTP_REQUEST:
  case SSL_R_HTTPS_PROXY_REQUEST:
  case SSL_R_UNEXPECTED_MESSAGE:
  case SSL_R_BAD_RECORD_TYPE:
  case SSL_R_PACKET_LENGTH_TOO_LONG:
    return "what the other side sends is no TLS: it is no node, or one without certificates";
  case SSL_R_UNSUPPORTED_PROTOCOL: return "the other side does not speak TLS 1.3: is it a node of this cluster?";
  default: break;
  }
  const char* const text = ERR_reason_error_string(error);
  return std::string("TLS failed (") + (text != nullptr ? text : "no reason") +
         "): is the other side a node of this cluster?";
}

std::string words_for_end(const std::string& why) {
  return "the connection ended amid TLS's beginning (" + why +
         "): the other side is no node, has no certificates, or does not accept this node's; its log tells";
}

} // namespace godwit::node
