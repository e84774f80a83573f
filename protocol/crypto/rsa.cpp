#include "protocol/crypto/rsa.hpp"

#include <utility>
#include <vector>

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/encoder.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "protocol/crypto/hash.hpp"

namespace godwit::crypto {
namespace {

struct openssl_deleter {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  void operator()(OSSL_DECODER_CTX* context) const { OSSL_DECODER_CTX_free(context); }
  void operator()(OSSL_ENCODER_CTX* context) const { OSSL_ENCODER_CTX_free(context); }
  void operator()(BIO* bio) const { BIO_free(bio); }
  void operator()(BIGNUM* number) const { BN_free(number); }
};
template <class T>
using owned = std::unique_ptr<T, openssl_deleter>;

constexpr int modulus_bits = 2048;

bool is_rsa_2048(const EVP_PKEY* key) {
  return EVP_PKEY_is_a(key, "RSA") == 1 && EVP_PKEY_get_bits(key) == modulus_bits;
}

/// A `string` of TL: its length in one or four bytes, then the number, then zeros up to four bytes.
void append_tl_number(std::vector<std::uint8_t>& out, const EVP_PKEY* key, const char* name) {
  BIGNUM* raw = nullptr;
  OPENSSL_assert(EVP_PKEY_get_bn_param(key, name, &raw) == 1);
  const owned<BIGNUM> number(raw);
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(BN_num_bytes(raw)));
  BN_bn2bin(raw, bytes.data());
  if (bytes.size() < 254) {
    out.push_back(static_cast<std::uint8_t>(bytes.size()));
  } else {
    out.push_back(254);
    for (int shift = 0; shift < 24; shift += 8) {
      out.push_back(static_cast<std::uint8_t>(bytes.size() >> shift));
    }
  }
  out.insert(out.end(), bytes.begin(), bytes.end());
  out.resize((out.size() + 3) / 4 * 4);
}

std::uint64_t fingerprint_of(const EVP_PKEY* key) {
  std::vector<std::uint8_t> bare;
  append_tl_number(bare, key, OSSL_PKEY_PARAM_RSA_N);
  append_tl_number(bare, key, OSSL_PKEY_PARAM_RSA_E);
  const sha1_hash hash = sha1(bare);
  std::uint64_t low = 0;
  for (std::size_t i = 0; i < sizeof(low); ++i) {
    low |= std::uint64_t{hash[12 + i]} << (8 * i);
  }
  return low;
}

std::string encode(EVP_PKEY* key, int selection, const char* structure) {
  const owned<OSSL_ENCODER_CTX> encoder(OSSL_ENCODER_CTX_new_for_pkey(key, selection, "PEM", structure, nullptr));
  unsigned char* data = nullptr;
  std::size_t size = 0;
  OPENSSL_assert(encoder != nullptr && OSSL_ENCODER_to_data(encoder.get(), &data, &size) == 1);
  std::string pem(reinterpret_cast<const char*>(data), size);
  OPENSSL_clear_free(data, size);
  return pem;
}

using operation = int (*)(EVP_PKEY_CTX*, unsigned char*, std::size_t*, const unsigned char*, std::size_t);

std::optional<rsa_block> apply_raw(EVP_PKEY* key, int (*begin)(EVP_PKEY_CTX*), operation run, const rsa_block& block) {
  const owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  OPENSSL_assert(context != nullptr && begin(context.get()) == 1 &&
                 EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_NO_PADDING) == 1);
  rsa_block result;
  std::size_t size = result.size();
  if (run(context.get(), result.data(), &size, block.data(), block.size()) != 1 || size != result.size()) {
    ERR_clear_error(); // the number is not below the modulus
    return std::nullopt;
  }
  return result;
}

/// Without this the library would ask a terminal.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*context*/) { return -1; }

} // namespace

std::string_view to_string(rsa_errc code) {
  switch (code) {
  case rsa_errc::not_a_key: return "not an unencrypted RSA key in PEM";
  case rsa_errc::not_rsa_2048: return "not an RSA key of 2048 bits";
  case rsa_errc::inconsistent: return "the parts of this private key do not belong together";
  case rsa_errc::failed: return "the cryptographic library could not make a key";
  }
  return "unknown error";
}

struct rsa_public_key::impl {
  owned<EVP_PKEY> key;
  std::uint64_t fingerprint = 0;
};

struct rsa_private_key::impl {
  owned<EVP_PKEY> key;
};

expected<rsa_public_key, rsa_errc> rsa_public_key::from_pem(std::string_view pem) {
  EVP_PKEY* raw = nullptr;
  const owned<OSSL_DECODER_CTX> decoder(
    OSSL_DECODER_CTX_new_for_pkey(&raw, "PEM", nullptr, "RSA", EVP_PKEY_PUBLIC_KEY, nullptr, nullptr));
  const auto* data = reinterpret_cast<const unsigned char*>(pem.data());
  std::size_t left = pem.size();
  const bool decoded = decoder != nullptr && OSSL_DECODER_from_data(decoder.get(), &data, &left) == 1;
  owned<EVP_PKEY> key(raw);
  ERR_clear_error();
  if (!decoded || key == nullptr) {
    return unexpected<rsa_errc>(rsa_errc::not_a_key);
  }
  if (!is_rsa_2048(key.get())) {
    return unexpected<rsa_errc>(rsa_errc::not_rsa_2048);
  }
  const std::uint64_t fingerprint = fingerprint_of(key.get());
  return rsa_public_key(std::make_shared<const impl>(impl{std::move(key), fingerprint}));
}

std::string rsa_public_key::to_pem() const { return encode(impl_->key.get(), EVP_PKEY_PUBLIC_KEY, "pkcs1"); }

std::uint64_t rsa_public_key::fingerprint() const { return impl_->fingerprint; }

std::optional<rsa_block> rsa_public_key::apply(const rsa_block& block) const {
  return apply_raw(impl_->key.get(), EVP_PKEY_encrypt_init, EVP_PKEY_encrypt, block);
}

rsa_private_key::rsa_private_key(std::shared_ptr<const impl> key)
    : impl_(std::move(key)), fingerprint_(fingerprint_of(impl_->key.get())) {}

expected<rsa_private_key, rsa_errc> rsa_private_key::from_pem(std::string_view pem) {
  const owned<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  owned<EVP_PKEY> key(bio != nullptr ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr) : nullptr);
  ERR_clear_error();
  if (key == nullptr) {
    return unexpected<rsa_errc>(rsa_errc::not_a_key);
  }
  if (!is_rsa_2048(key.get())) {
    return unexpected<rsa_errc>(rsa_errc::not_rsa_2048);
  }
  const owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_pkey(nullptr, key.get(), nullptr));
  const bool consistent = context != nullptr && EVP_PKEY_check(context.get()) == 1;
  ERR_clear_error();
  if (!consistent) {
    return unexpected<rsa_errc>(rsa_errc::inconsistent);
  }
  return rsa_private_key(std::make_shared<const impl>(impl{std::move(key)}));
}

expected<rsa_private_key, rsa_errc> rsa_private_key::generate() {
  owned<EVP_PKEY> key(EVP_RSA_gen(modulus_bits)); // e = 65537 by default
  if (key == nullptr) {
    ERR_clear_error();
    return unexpected<rsa_errc>(rsa_errc::failed);
  }
  return rsa_private_key(std::make_shared<const impl>(impl{std::move(key)}));
}

std::string rsa_private_key::to_pem() const { return encode(impl_->key.get(), EVP_PKEY_KEYPAIR, "PrivateKeyInfo"); }

rsa_public_key rsa_private_key::public_key() const {
  expected<rsa_public_key, rsa_errc> half =
    rsa_public_key::from_pem(encode(impl_->key.get(), EVP_PKEY_PUBLIC_KEY, "pkcs1"));
  OPENSSL_assert(half.has_value());
  return *std::move(half);
}

std::optional<rsa_block> rsa_private_key::apply(const rsa_block& block) const {
  return apply_raw(impl_->key.get(), EVP_PKEY_decrypt_init, EVP_PKEY_decrypt, block);
}

} // namespace godwit::crypto
