#include "protocol/crypto/sealing.hpp"

#include <gtest/gtest.h>

#include <string>

#include "tests/protocol/crypto/hex.hpp"
#include "tests/protocol/crypto/seeded_random.hpp"

namespace godwit::crypto {
namespace {

class sealing : public ::testing::Test {
protected:
  [[nodiscard]] std::string sealed(std::string_view plain) {
    return seal(key_, as_bytes("context"), as_bytes(plain), random_);
  }
  [[nodiscard]] std::optional<std::string> opened(const std::string& bytes) const {
    return unseal(key_, as_bytes("context"), as_bytes(bytes));
  }

  test::seeded_random random_{test::seed_or(11)};
  sealing_key key_ = [] {
    sealing_key key;
    key.fill(5);
    return key;
  }();
};

// Goal: whatever is sealed is opened again, with nothing of it to be seen.
TEST_F(sealing, WhatWasSealedOpens) {
  for (const std::size_t size : {0U, 1U, 15U, 16U, 17U, 256U, 100'000U}) {
    const std::string plain(size, 'p');
    const auto bytes = sealed(plain);
    EXPECT_EQ(bytes.size(), size + sealed_extra_bytes);
    EXPECT_EQ(opened(bytes), plain);
    EXPECT_NE(sealed(plain), bytes) << "another nonce";
    EXPECT_EQ(bytes.find("pppp"), std::string::npos);
  }
}

// Goal: one bit that was changed anywhere, a byte more or less, another key or context: it stays shut.
TEST_F(sealing, NothingElseOpens) {
  const auto bytes = sealed("letter");
  for (std::size_t i = 0; i < bytes.size() * 8; ++i) {
    std::string changed = bytes;
    changed[i / 8] = static_cast<char>(changed[i / 8] ^ 1 << i % 8);
    EXPECT_EQ(opened(changed), std::nullopt) << i;
  }
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(opened(bytes.substr(0, size)), std::nullopt) << size;
  }
  EXPECT_EQ(opened(bytes + '\0'), std::nullopt);
  EXPECT_EQ(unseal(key_, as_bytes("contexT"), as_bytes(bytes)), std::nullopt);
  auto other = key_;
  other[31] ^= 1;
  EXPECT_EQ(unseal(other, as_bytes("context"), as_bytes(bytes)), std::nullopt);
}

/// The nonce of an example.
class fixed_source final : public random_source {
public:
  explicit fixed_source(std::vector<std::uint8_t> bytes) : bytes_(std::move(bytes)) {}
  void fill(std::span<std::uint8_t> out) override { std::copy_n(bytes_.begin(), out.size(), out.begin()); }

private:
  std::vector<std::uint8_t> bytes_;
};

// Source: the AES-GCM specification of McGrew and Viega, test case 16 (AES-256 with additional data).
TEST_F(sealing, IsTheStandardsCipher) {
  const auto key_bytes = test::from_hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
  sealing_key key{};
  std::copy(key_bytes.begin(), key_bytes.end(), key.begin());
  fixed_source nonce(test::from_hex("cafebabefacedbaddecaf888"));
  const auto plain = test::from_hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532f"
                                    "cf0e2449a6b525b16aedf5aa0de657ba637b39");
  const auto context = test::from_hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
  const auto bytes = seal(key, context, plain, nonce);
  const auto expected =
    test::from_hex("cafebabefacedbaddecaf888522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd"
                   "2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768"
                   "cddf8853bb2d551b");
  EXPECT_EQ(bytes, std::string(as_text(expected)));
}

// Goal: keys for two purposes, of two passphrases, or under two salts have nothing in common.
TEST_F(sealing, DerivedKeysDiffer) {
  EXPECT_NE(derive_key(key_, as_bytes("a")), derive_key(key_, as_bytes("b")));
  EXPECT_EQ(derive_key(key_, as_bytes("a")), derive_key(key_, as_bytes("a")));
  const auto slow = derive_key_slowly(as_bytes("word"), as_bytes("salt"));
  EXPECT_EQ(derive_key_slowly(as_bytes("word"), as_bytes("salt")), slow);
  EXPECT_NE(derive_key_slowly(as_bytes("word"), as_bytes("pepper")), slow);
  EXPECT_NE(derive_key_slowly(as_bytes(""), as_bytes("salt")), slow);
}

} // namespace
} // namespace godwit::crypto
