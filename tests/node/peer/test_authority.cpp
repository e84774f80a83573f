#include "tests/node/peer/test_authority.hpp"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <stdexcept>

namespace godwit::node::test {

namespace {

void must(bool good) {
  if (!good) {
    throw std::runtime_error("OpenSSL does not make a certificate");
  }
}

X509* blank(const std::string& name, long from_s, long to_s, EVP_PKEY* key) {
  static std::atomic<long> serial{1};
  X509* const made = X509_new();
  must(made != nullptr && X509_set_version(made, X509_VERSION_3) == 1);
  ASN1_INTEGER_set(X509_get_serialNumber(made), serial.fetch_add(1));
  X509_gmtime_adj(X509_getm_notBefore(made), from_s);
  X509_gmtime_adj(X509_getm_notAfter(made), to_s);
  must(X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_ASC,
                                  reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0) == 1);
  must(X509_set_pubkey(made, key) == 1);
  return made;
}

void extend(X509* certificate, int what, const std::string& value) {
  X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, what, value.c_str());
  must(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

template <class Write>
std::string pem_of(Write write) {
  BIO* const out = BIO_new(BIO_s_mem());
  must(write(out) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(out);
  return text;
}

} // namespace

test_authority::test_authority() : key_(EVP_EC_gen("P-256")) {
  must(key_ != nullptr);
  static std::atomic<int> number{0};
  certificate_ = blank("test authority " + std::to_string(number.fetch_add(1)), -7200, 7200, key_);
  must(X509_set_issuer_name(certificate_, X509_get_subject_name(certificate_)) == 1);
  extend(certificate_, NID_basic_constraints, "critical,CA:TRUE");
  extend(certificate_, NID_key_usage, "critical,keyCertSign");
  must(X509_sign(certificate_, key_, EVP_sha256()) != 0);
}

test_authority::~test_authority() {
  X509_free(certificate_);
  EVP_PKEY_free(key_);
}

std::string test_authority::ca_pem() const {
  return pem_of([&](BIO* out) { return PEM_write_bio_X509(out, certificate_); });
}

peer_credentials test_authority::issue(const certificate_wish& wish) const {
  const persistence::node_id node{wish.node};
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  must(key != nullptr);
  X509* const made = blank(certificate_name(wish.cluster_id, node), wish.valid_from_s, wish.valid_to_s, key);
  must(X509_set_issuer_name(made, X509_get_subject_name(certificate_)) == 1);
  extend(made, NID_basic_constraints, "critical,CA:FALSE");
  extend(made, NID_ext_key_usage, wish.usage);
  if (wish.names_node) {
    extend(made, NID_subject_alt_name, "URI:" + certificate_uri(wish.cluster_id, node));
  }
  must(X509_sign(made, key_, EVP_sha256()) != 0);
  peer_credentials all{
    .ca_pem = ca_pem(),
    .certificate_pem = pem_of([&](BIO* out) { return PEM_write_bio_X509(out, made); }),
    .private_key_pem =
      pem_of([&](BIO* out) { return PEM_write_bio_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr); }),
    .cluster_id = wish.cluster_id,
  };
  X509_free(made);
  EVP_PKEY_free(key);
  return all;
}

} // namespace godwit::node::test
