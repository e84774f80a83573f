#include "node/peer/tls_setting.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <charconv>
#include <string_view>
#include <utility>
#include <vector>

#include "config/cluster_limits.hpp"
#include "node/peer/tls_stream.hpp"

namespace godwit::node {

namespace {

template <auto Free>
struct freed_by {
  template <class T>
  void operator()(T* what) const {
    Free(what);
  }
};
using bio_ptr = std::unique_ptr<BIO, freed_by<BIO_free>>;
using certificate_ptr = std::unique_ptr<X509, freed_by<X509_free>>;
using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using names_ptr = std::unique_ptr<GENERAL_NAMES, freed_by<GENERAL_NAMES_free>>;

/// Buffers that take several records with one call of the system.
constexpr std::size_t tls_read_bytes = 64 << 10;

bio_ptr bio_of(const std::string& text) { return bio_ptr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

std::vector<certificate_ptr> certificates_in(const std::string& pem) {
  std::vector<certificate_ptr> all;
  const bio_ptr in = bio_of(pem);
  while (X509* const one = PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr)) {
    all.emplace_back(one);
  }
  ERR_clear_error();
  return all;
}

bool signed_by_one(X509* certificate, const std::vector<certificate_ptr>& authorities) {
  for (const certificate_ptr& authority : authorities) {
    if (X509_check_issued(authority.get(), certificate) == X509_V_OK &&
        X509_verify(certificate, X509_get0_pubkey(authority.get())) == 1) {
      return true;
    }
  }
  ERR_clear_error();
  return false;
}

/// A key that asks for a password gets none.
int no_password(char*, int, int, void*) { return 0; }

certificate_subject subject_of_uri(std::string_view uri) {
  static constexpr std::string_view scheme = "godwit://";
  static constexpr std::string_view path = "/node/";
  const auto split = uri.find(path);
  if (!uri.starts_with(scheme) || split == std::string_view::npos || split < scheme.size()) {
    return {};
  }
  const std::string_view cluster = uri.substr(scheme.size(), split - scheme.size());
  const std::string_view number = uri.substr(split + path.size());
  std::uint64_t node = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), node);
  if (error != std::errc{} || end != number.data() + number.size() || node == 0) {
    return {};
  }
  return {std::string(cluster), persistence::node_id{node}};
}

} // namespace

certificate_subject subject_of(X509* certificate) {
  const names_ptr names(
    static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) {
      continue;
    }
    const ASN1_IA5STRING* const uri = name->d.uniformResourceIdentifier;
    const std::string_view text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
                                static_cast<std::size_t>(ASN1_STRING_length(uri)));
    if (certificate_subject found = subject_of_uri(text); found.node != persistence::no_node) {
      return found;
    }
  }
  return {};
}

tls_setting::~tls_setting() { SSL_CTX_free(context_); }

expected<std::shared_ptr<const tls_setting>, std::string> tls_setting::make(const peer_credentials& from) {
  const std::shared_ptr<tls_setting> made(new tls_setting);
  auto loaded = made->load(from);
  ERR_clear_error();
  if (!loaded) {
    return unexpected(std::move(loaded.error()));
  }
  return made;
}

expected<void, std::string> tls_setting::load(const peer_credentials& from) {
  const std::string restore = ". Restore secrets.toml from a copy";
  const std::string remedy = ". Remove node_certificate.pem and restart: the node makes a new one";
  const auto authorities = certificates_in(from.ca_pem);
  if (authorities.empty()) {
    return unexpected("the cluster's certificate authority cannot be read" + restore);
  }
  auto own = certificates_in(from.certificate_pem);
  if (own.empty()) {
    return unexpected("node_certificate.pem holds no certificate" + remedy);
  }
  const bio_ptr key_text = bio_of(from.private_key_pem);
  const key_ptr key(PEM_read_bio_PrivateKey(key_text.get(), nullptr, no_password, nullptr));
  if (!key) {
    return unexpected("the private key of the node's certificate cannot be read" + remedy);
  }
  if (X509_check_private_key(own.front().get(), key.get()) != 1) {
    return unexpected("the private key is not that of the node's certificate" + remedy);
  }
  if (own.size() == 1 && !signed_by_one(own.front().get(), authorities)) {
    return unexpected("the node's certificate was not signed by the cluster's CA" + remedy);
  }
  const certificate_subject named = subject_of(own.front().get());
  if (named.node == persistence::no_node) {
    return unexpected("the node's certificate names no node" + remedy);
  }
  if (named.cluster_id != from.cluster_id) {
    return unexpected("the node's certificate is of another cluster" + remedy);
  }
  cluster_id_ = from.cluster_id;
  self_ = named.node;

  context_ = SSL_CTX_new(TLS_method());
  bool good = context_ != nullptr && SSL_CTX_set_min_proto_version(context_, TLS1_3_VERSION) == 1 &&
              SSL_CTX_set_ciphersuites(
                context_, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256") == 1 &&
              SSL_CTX_use_certificate(context_, own.front().get()) == 1 &&
              SSL_CTX_use_PrivateKey(context_, key.get()) == 1 && SSL_CTX_set_num_tickets(context_, 0) == 1;
  for (std::size_t i = 1; good && i < own.size(); ++i) {
    good = SSL_CTX_add1_chain_cert(context_, own[i].get()) == 1;
  }
  for (std::size_t i = 0; good && i < authorities.size(); ++i) {
    good = X509_STORE_add_cert(SSL_CTX_get_cert_store(context_), authorities[i].get()) == 1;
  }
  if (!good) {
    return unexpected("TLS does not take the certificates" + remedy);
  }
  SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify(context_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, tls_stream::verify);
  SSL_CTX_set_read_ahead(context_, 1);
  SSL_CTX_set_default_read_buffer_len(context_, tls_read_bytes);
  SSL_CTX_set_mode(context_, SSL_MODE_AUTO_RETRY | SSL_MODE_NO_AUTO_CHAIN);
  return {};
}

} // namespace godwit::node
