#include <cstdint>
#include <string>

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "protocol/crypto/rsa.hpp"
#include "tests/protocol/crypto/seeded_random.hpp"

namespace {

using namespace godwit;
using namespace godwit::crypto;

/// Making a key takes a while: one for all tests.
const rsa_private_key& a_key() {
  static const rsa_private_key key = rsa_private_key::generate().value();
  return key;
}

std::string pem_of(EVP_PKEY* key, bool traditional) {
  BIO* bio = BIO_new(BIO_s_mem());
  if (traditional) {
    PEM_write_bio_PrivateKey_traditional(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  } else {
    PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  }
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string pem(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return pem;
}

// Goal: the fingerprint is what clients compute (core.telegram.org/mtproto/auth_key, step 2). Method: the first public
// key of the protocol, whose fingerprint 0xc3b42b026ce86b21 stands in the page's example.
TEST(rsa, TheFingerprintOfAPublishedKeyIsTheOneOfTheExample) {
  const std::string pem = "-----BEGIN RSA PUBLIC KEY-----\n"
                          "MIIBCgKCAQEAwVACPi9w23mF3tBkdZz+zwrzKOaaQdr01vAbU4E1pvkfj4sqDsm6\n"
                          "lyDONS789sVoD/xCS9Y0hkkC3gtL1tSfTlgCMOOul9lcixlEKzwKENj1Yz/s7daS\n"
                          "an9tqw3bfUV/nqgbhGX81v/+7RFAEd+RwFnK7a+XYl9sluzHRyVVaTTveB2GazTw\n"
                          "Efzk2DWgkBluml8OREmvfraX3bkHZJTKX4EQSjBbbdJ2ZXIsRrYOXfaA+xayEGB+\n"
                          "8hdlLmAjbCVfaigxX0CDqWeR1yFL9kwd9P0NsZRPsmoqVwMbMu7mStFai6aIhc3n\n"
                          "Slv8kg9qv1m6XHVQY3PnEw+QQtqSIXklHwIDAQAB\n"
                          "-----END RSA PUBLIC KEY-----\n";
  const auto key = rsa_public_key::from_pem(pem);
  ASSERT_TRUE(key.has_value());
  EXPECT_EQ(key->fingerprint(), 0xc3b42b026ce86b21U);
  EXPECT_EQ(key->to_pem(), pem);
}

TEST(rsa, PrivateAndPublicOperationUndoEachOther) {
  test::seeded_random random(23);
  const rsa_public_key open = a_key().public_key();
  EXPECT_EQ(open.fingerprint(), a_key().fingerprint());
  for (int i = 0; i < 20; ++i) {
    rsa_block block;
    random.fill(block);
    block[0] &= 0x7f; // below every modulus of 2048 bits
    const std::optional<rsa_block> sealed = open.apply(block);
    ASSERT_TRUE(sealed.has_value());
    EXPECT_NE(*sealed, block);
    EXPECT_EQ(a_key().apply(*sealed), block);
    EXPECT_EQ(open.apply(a_key().apply(block).value()), block);
  }
}

// Small numbers keep their leading zeros; numbers from the modulus on are refused by both halves.
TEST(rsa, NumbersFromTheModulusOnAreRefusedAndSmallOnesKeepTheirZeros) {
  rsa_block largest;
  largest.fill(0xff);
  EXPECT_FALSE(a_key().apply(largest).has_value());
  EXPECT_FALSE(a_key().public_key().apply(largest).has_value());
  rsa_block one{};
  one.back() = 1;
  EXPECT_EQ(a_key().apply(one), one);
  EXPECT_EQ(a_key().apply(rsa_block{}), rsa_block{});
}

TEST(rsa, AKeySurvivesItsPem) {
  const std::string pem = a_key().to_pem();
  EXPECT_EQ(pem.substr(0, 27), "-----BEGIN PRIVATE KEY-----");
  const auto again = rsa_private_key::from_pem(pem);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->fingerprint(), a_key().fingerprint());
  const std::string open = a_key().public_key().to_pem();
  EXPECT_EQ(open.substr(0, 31), "-----BEGIN RSA PUBLIC KEY-----\n");
  EXPECT_EQ(rsa_public_key::from_pem(open)->fingerprint(), a_key().fingerprint());
}

TEST(rsa, BothFormsOfAPrivateKeyAreRead) {
  EVP_PKEY* key = EVP_RSA_gen(2048);
  const auto pkcs1 = rsa_private_key::from_pem(pem_of(key, true));
  const auto pkcs8 = rsa_private_key::from_pem(pem_of(key, false));
  EVP_PKEY_free(key);
  ASSERT_TRUE(pkcs1.has_value() && pkcs8.has_value());
  EXPECT_EQ(pkcs1->fingerprint(), pkcs8->fingerprint());
}

TEST(rsa, WhatIsNoRsaKeyOf2048BitsIsRefused) {
  EXPECT_EQ(rsa_private_key::from_pem("").error(), rsa_errc::not_a_key);
  EXPECT_EQ(rsa_private_key::from_pem("-----BEGIN PRIVATE KEY-----\nAAAA\n").error(), rsa_errc::not_a_key);
  EXPECT_EQ(rsa_private_key::from_pem(a_key().public_key().to_pem()).error(), rsa_errc::not_a_key);
  EXPECT_EQ(rsa_public_key::from_pem("").error(), rsa_errc::not_a_key);
  EVP_PKEY* small = EVP_RSA_gen(1024);
  EXPECT_EQ(rsa_private_key::from_pem(pem_of(small, true)).error(), rsa_errc::not_rsa_2048);
  EVP_PKEY_free(small);
  EVP_PKEY* curve = EVP_EC_gen("P-256");
  EXPECT_EQ(rsa_private_key::from_pem(pem_of(curve, false)).error(), rsa_errc::not_rsa_2048);
  EVP_PKEY_free(curve);
}

// A key whose parts were mixed up must not serve: its signatures would give the factors away.
TEST(rsa, AKeyWithADamagedPartIsRefused) {
  std::string pem = a_key().to_pem();
  int refused = 0;
  // A changed base64 digit in the middle hits the modulus, an exponent or a factor.
  for (const std::size_t at : {400U, 700U, 1000U, 1300U}) {
    std::string damaged = pem;
    damaged[at] = damaged[at] == 'A' ? 'B' : 'A';
    if (damaged[at] != '\n' && !rsa_private_key::from_pem(damaged).has_value()) {
      ++refused;
    }
  }
  EXPECT_EQ(refused, 4);
}

} // namespace
