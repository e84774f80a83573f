#include "node/identity/certificates.hpp"

#include <array>
#include <charconv>
#include <ctime>
#include <memory>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "node/identity/hex.hpp"

namespace godwit::node {
namespace {

struct openssl_deleter {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(BIGNUM* number) const { BN_free(number); }
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
};
template <class T>
using owned = std::unique_ptr<T, openssl_deleter>;

constexpr std::string_view scheme = "godwit://";
constexpr std::string_view node_part = "/node/";

int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*context*/) { return -1; }

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

owned<X509> certificate_of(std::string_view pem) {
  const owned<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  owned<X509> out(bio != nullptr ? PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr) : nullptr);
  ERR_clear_error();
  return out;
}

owned<EVP_PKEY> key_of(std::string_view pem) {
  const owned<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  owned<EVP_PKEY> out(bio != nullptr ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr) : nullptr);
  ERR_clear_error();
  return out;
}

std::string pem_of(X509* certificate) {
  const owned<BIO> bio(BIO_new(BIO_s_mem()));
  return bio != nullptr && PEM_write_bio_X509(bio.get(), certificate) == 1 ? text_of(bio.get()) : std::string();
}

std::string pem_of(EVP_PKEY* key) {
  const owned<BIO> bio(BIO_new(BIO_s_secmem()));
  const bool done =
    bio != nullptr && PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1;
  return done ? text_of(bio.get()) : std::string();
}

bool add_extension(X509* to, X509* issuer, int which, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
  const owned<X509_EXTENSION> made(X509V3_EXT_conf_nid(nullptr, &context, which, value.c_str()));
  return made != nullptr && X509_add_ext(to, made.get(), -1) == 1;
}

/// A version 3 certificate without extensions and signature, with a number of 127 random bits.
owned<X509> blank(const std::string& name, EVP_PKEY* key, wall_seconds now, wall_seconds life) {
  owned<X509> out(X509_new());
  std::array<std::uint8_t, 16> serial{};
  if (out == nullptr || RAND_bytes(serial.data(), static_cast<int>(serial.size())) != 1) {
    return nullptr;
  }
  serial[0] &= 0x7f;
  serial[15] |= 1;
  const owned<BIGNUM> number(BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr));
  X509_NAME* const subject = X509_get_subject_name(out.get());
  const auto* text = reinterpret_cast<const unsigned char*>(name.c_str());
  const bool done = number != nullptr && X509_set_version(out.get(), X509_VERSION_3) == 1 &&
                    BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(out.get())) != nullptr &&
                    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, text, -1, -1, 0) == 1 &&
                    ASN1_TIME_set(X509_getm_notBefore(out.get()), now - backdated_seconds) != nullptr &&
                    ASN1_TIME_set(X509_getm_notAfter(out.get()), now + life) != nullptr &&
                    X509_set_pubkey(out.get(), key) == 1;
  return done ? std::move(out) : nullptr;
}

unexpected<std::string> failed() {
  ERR_clear_error();
  return unexpected(std::string("the cryptographic library could not make a certificate"));
}

std::optional<wall_seconds> seconds_of(const ASN1_TIME* when) {
  std::tm parts{};
  if (when == nullptr || ASN1_TIME_to_tm(when, &parts) != 1) {
    return std::nullopt;
  }
  return ::timegm(&parts);
}

struct node_name {
  std::string cluster_id;
  std::uint64_t node_id = 0;
};

std::optional<node_name> parse_name(std::string_view uri) {
  if (!uri.starts_with(scheme)) {
    return std::nullopt;
  }
  uri.remove_prefix(scheme.size());
  const auto at = uri.find(node_part);
  if (at != 32) {
    return std::nullopt;
  }
  const std::string_view digits = uri.substr(at + node_part.size());
  node_name out{std::string(uri.substr(0, at)), 0};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out.node_id);
  const bool whole = !digits.empty() && error == std::errc{} && end == digits.data() + digits.size();
  return whole && out.node_id != 0 ? std::optional(std::move(out)) : std::nullopt;
}

std::optional<node_name> name_of(const X509* certificate) {
  const owned<GENERAL_NAMES> names(
    static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  if (names == nullptr || sk_GENERAL_NAME_num(names.get()) != 1) {
    return std::nullopt;
  }
  const GENERAL_NAME* const only = sk_GENERAL_NAME_value(names.get(), 0);
  if (only->type != GEN_URI) {
    return std::nullopt;
  }
  const ASN1_IA5STRING* const uri = only->d.uniformResourceIdentifier;
  return parse_name(
    {reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)), static_cast<std::size_t>(ASN1_STRING_length(uri))});
}

std::optional<certificate_facts> facts_of(const X509* certificate) {
  auto name = name_of(certificate);
  const auto from = seconds_of(X509_get0_notBefore(certificate));
  const auto to = seconds_of(X509_get0_notAfter(certificate));
  if (!name || !from || !to) {
    return std::nullopt;
  }
  return certificate_facts{std::move(name->cluster_id), name->node_id, *from, *to};
}

} // namespace

expected<certified_key, std::string> make_authority(std::string_view cluster_id, wall_seconds now) {
  const owned<EVP_PKEY> key(EVP_EC_gen("P-256"));
  const auto made =
    key != nullptr ? blank("godwit " + std::string(cluster_id), key.get(), now, authority_seconds) : nullptr;
  if (made == nullptr) {
    return failed();
  }
  X509* const own = made.get();
  const bool done = X509_set_issuer_name(own, X509_get_subject_name(own)) == 1 &&
                    add_extension(own, own, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
                    add_extension(own, own, NID_key_usage, "critical,keyCertSign") &&
                    add_extension(own, own, NID_subject_key_identifier, "hash") &&
                    X509_sign(own, key.get(), EVP_sha256()) > 0;
  return done ? expected<certified_key, std::string>(certified_key{pem_of(own), pem_of(key.get())}) : failed();
}

expected<certified_key, std::string> make_node_certificate(const node_credentials& who, wall_seconds now) {
  const auto issuer = certificate_of(who.ca_pem);
  const auto issuer_key = key_of(who.ca_key_pem);
  const std::string number = std::to_string(who.node_id);
  const owned<EVP_PKEY> key(EVP_EC_gen("P-256"));
  if (issuer == nullptr || issuer_key == nullptr || X509_check_private_key(issuer.get(), issuer_key.get()) != 1) {
    ERR_clear_error();
    return unexpected(std::string("the cluster's certificate authority cannot be read. Restore secrets.toml from a "
                                  "copy."));
  }
  const auto made = key != nullptr ? blank("godwit " + who.cluster_id + " node " + number, key.get(), now,
                                           certificate_seconds - backdated_seconds)
                                   : nullptr;
  if (made == nullptr) {
    return failed();
  }
  X509* const own = made.get();
  const std::string uri = "URI:" + std::string(scheme) + who.cluster_id + std::string(node_part) + number;
  const bool done = X509_set_issuer_name(own, X509_get_subject_name(issuer.get())) == 1 &&
                    add_extension(own, issuer.get(), NID_basic_constraints, "critical,CA:FALSE") &&
                    add_extension(own, issuer.get(), NID_key_usage, "critical,digitalSignature") &&
                    add_extension(own, issuer.get(), NID_ext_key_usage, "serverAuth,clientAuth") &&
                    add_extension(own, issuer.get(), NID_subject_alt_name, uri) &&
                    add_extension(own, issuer.get(), NID_subject_key_identifier, "hash") &&
                    add_extension(own, issuer.get(), NID_authority_key_identifier, "keyid:always") &&
                    X509_sign(own, issuer_key.get(), EVP_sha256()) > 0;
  return done ? expected<certified_key, std::string>(certified_key{pem_of(own), pem_of(key.get())}) : failed();
}

std::optional<certificate_facts> read_certificate(std::string_view pem) {
  const auto certificate = certificate_of(pem);
  return certificate != nullptr ? facts_of(certificate.get()) : std::nullopt;
}

std::optional<certificate_problem> certificate_status(const node_credentials& who, wall_seconds now) {
  using fault = certificate_fault;
  const auto certificate = certificate_of(who.certificate_pem);
  const auto facts = certificate != nullptr ? facts_of(certificate.get()) : std::nullopt;
  const auto authority = certificate_of(who.ca_pem);
  if (!facts || authority == nullptr) {
    return certificate_problem{fault::unreadable, "the certificate of this node cannot be read. Restore "
                                                  "node_certificate.pem from a copy, or remove it: the node makes a "
                                                  "new one."};
  }
  const bool signed_here = X509_verify(certificate.get(), X509_get0_pubkey(authority.get())) == 1;
  ERR_clear_error();
  if (facts->cluster_id != who.cluster_id || !signed_here) {
    return certificate_problem{fault::of_another_cluster,
                               "the certificate of this node is of cluster " + facts->cluster_id +
                                 (signed_here ? "" : " or of another authority") + ", the data folder of cluster " +
                                 who.cluster_id +
                                 ". Remove node_certificate.pem, which came here from another cluster: the node makes "
                                 "a new one."};
  }
  if (facts->node_id != who.node_id) {
    return certificate_problem{fault::of_another_node,
                               "the certificate is of node " + std::to_string(facts->node_id) +
                                 ", the data folder of node " + std::to_string(who.node_id) +
                                 ". Remove node_certificate.pem, which came here from that node: the node makes a new "
                                 "one."};
  }
  const auto key = key_of(who.key_pem);
  const bool fits = key != nullptr && X509_check_private_key(certificate.get(), key.get()) == 1;
  ERR_clear_error();
  if (!fits) {
    return certificate_problem{fault::of_another_key, "the certificate of this node does not belong to the private key "
                                                      "beside it. Remove node_certificate.pem: the node makes a new "
                                                      "one."};
  }
  if (now < facts->not_before) {
    return certificate_problem{fault::not_yet_valid,
                               "the certificate of this node is good from " + date_text(facts->not_before) +
                                 " on, and this machine's clock says " + date_text(now) + ". Set the clock."};
  }
  if (now > facts->not_after) {
    return certificate_problem{fault::expired, "the certificate of this node was good until " +
                                                 date_text(facts->not_after) + ", and this machine's clock says " +
                                                 date_text(now) +
                                                 ". If the clock is right, restart the node: it makes a new one."};
  }
  return std::nullopt;
}

std::optional<wall_seconds> authority_begin(std::string_view pem) {
  const auto authority = certificate_of(pem);
  return authority != nullptr ? seconds_of(X509_get0_notBefore(authority.get())) : std::nullopt;
}

bool renewal_due(const certificate_facts& facts, wall_seconds now) {
  return now - facts.not_before >= (facts.not_after - facts.not_before) / 3 * 2;
}

std::string certificate_hash(std::string_view pem) {
  const auto certificate = certificate_of(pem);
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> hash{};
  unsigned size = 0;
  if (certificate == nullptr || X509_digest(certificate.get(), EVP_sha256(), hash.data(), &size) != 1) {
    return {};
  }
  return to_hex(std::span(hash).first(size));
}

std::string date_text(wall_seconds when) {
  const std::time_t time = when;
  std::tm parts{};
  std::array<char, 16> text{};
  ::gmtime_r(&time, &parts);
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d", &parts)};
}

} // namespace godwit::node
