#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "protocol/crypto/aes_ctr.hpp"
#include "protocol/crypto/dh.hpp"
#include "protocol/crypto/hash.hpp"
#include "protocol/crypto/mtproto_v1.hpp"
#include "protocol/crypto/pq.hpp"
#include "protocol/crypto/random.hpp"
#include "tests/protocol/crypto/hex.hpp"
#include "tests/protocol/crypto/seeded_random.hpp"

namespace {

using namespace godwit;
using namespace godwit::crypto;
using test::from_hex;
using test::seeded_random;
using test::to_hex;

// FIPS 180-4 examples, and parts hashed as one text.
TEST(hash, Sha1AndSha256GiveTheStandardsExamples) {
  EXPECT_EQ(to_hex(sha1(as_bytes("abc"))), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(to_hex(sha256(as_bytes("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha1({as_bytes("a"), as_bytes(""), as_bytes("bc")}), sha1(as_bytes("abc")));
  EXPECT_EQ(sha256({as_bytes("a"), as_bytes(""), as_bytes("bc")}), sha256(as_bytes("abc")));
}

// RFC 4231, test cases 2, and 6 with a key longer than a block; an empty key is a key.
TEST(hash, HmacSha256GivesTheExamplesOfItsRfc) {
  EXPECT_EQ(to_hex(hmac_sha256(as_bytes("Jefe"), as_bytes("what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(to_hex(hmac_sha256(std::vector<std::uint8_t>(131, 0xaa),
                               as_bytes("Test Using Larger Than Block-Size Key - Hash Key First"))),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(to_hex(hmac_sha256({}, {})), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(bytes, EqualComparesContentAndSize) {
  EXPECT_TRUE(equal(as_bytes("same"), as_bytes("same")));
  EXPECT_TRUE(equal({}, {}));
  EXPECT_FALSE(equal(as_bytes("same"), as_bytes("sane")));
  EXPECT_FALSE(equal(as_bytes("same"), as_bytes("sam")));
}

TEST(bytes, WipeLeavesZeros) {
  std::vector<std::uint8_t> secret(37, 9);
  wipe(secret);
  EXPECT_EQ(secret, std::vector<std::uint8_t>(37, 0));
}

// More than what is generated ahead.
TEST(random, TheSystemsBytesDiffer) {
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 10'000; ++i) {
    seen.insert(system_random().next_u64());
  }
  EXPECT_EQ(seen.size(), 10'000U);
}

// Small pieces come out of a supply: of every size, all of it is filled and nothing beside it.
TEST(random, PiecesOfEverySizeAreFilled) {
  for (std::size_t size = 0; size <= 200; ++size) {
    std::vector<std::uint8_t> ever(size + 1, 0);
    for (int i = 0; i < 10; ++i) {
      std::vector<std::uint8_t> piece(size + 1, 0);
      system_random().fill(std::span(piece).first(size));
      ASSERT_EQ(piece.back(), 0);
      for (std::size_t at = 0; at < size; ++at) {
        ever[at] |= piece[at];
      }
    }
    // Ten zeros in one place happen once in 2^80.
    EXPECT_EQ(std::count(ever.begin(), ever.end(), 0), 1);
  }
}

// A child process has a copy of what was generated ahead, and must not use it.
TEST(random, AChildProcessHasItsOwnBytes) {
  (void)system_random().next_u64();
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const std::uint64_t its = system_random().next_u64();
    ::_exit(::write(ends[1], &its, sizeof(its)) == sizeof(its) ? 0 : 1);
  }
  std::uint64_t its = 0;
  ASSERT_EQ(::read(ends[0], &its, sizeof(its)), static_cast<ssize_t>(sizeof(its)));
  EXPECT_NE(its, system_random().next_u64());
  ::waitpid(child, nullptr, 0);
  ::close(ends[0]);
  ::close(ends[1]);
}

// NIST SP 800-38A, F.5.5, in one piece and in pieces that cut blocks.
TEST(aes_ctr, GivesTheStandardsExampleInWhateverPieces) {
  const auto key = test::array_from_hex<32>("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
  const auto iv = test::array_from_hex<16>("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
  const std::string plain = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51";
  const std::string cipher = "601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c5";
  for (std::size_t piece = 1; piece <= 32; ++piece) {
    std::vector<std::uint8_t> data = from_hex(plain);
    aes_ctr stream(key, iv);
    for (std::size_t at = 0; at < data.size(); at += piece) {
      stream.apply(std::span(data).subspan(at, std::min(piece, data.size() - at)));
    }
    EXPECT_EQ(to_hex(data), cipher) << piece;
  }
}

// Goal: MTProto 1.0 as core.telegram.org/mtproto/description_v1 defines it. Method: its formulas once more, with
// substrings; then there and back.
TEST(mtproto_v1, KeyAndVectorComeFromTheFormulasOfThePage) {
  seeded_random random(11);
  auth_key key;
  random.fill(key.bytes);
  std::vector<std::uint8_t> plain(72);
  random.fill(plain);
  std::vector<std::uint8_t> padded = plain;
  padded.resize(80, 0x55);
  const std::string auth(as_text(key.bytes));
  for (const sender from : {sender::client, sender::server}) {
    const auto x = static_cast<std::size_t>(from);
    const auto sha1_of = [](const std::string& text) { return std::string(as_text(sha1(as_bytes(text)))); };
    const std::string message = sha1_of(std::string(as_text(plain))).substr(4, 16);
    const std::string a = sha1_of(message + auth.substr(x, 32));
    const std::string b = sha1_of(auth.substr(32 + x, 16) + message + auth.substr(48 + x, 16));
    const std::string c = sha1_of(auth.substr(64 + x, 32) + message);
    const std::string d = sha1_of(message + auth.substr(96 + x, 32));
    const msg_key number = mtproto_v1::message_key(plain);
    EXPECT_EQ(as_text(number), message);
    const ige_secret secret = mtproto_v1::derive(key, number, from);
    EXPECT_EQ(as_text(secret.key), a.substr(0, 8) + b.substr(8, 12) + c.substr(4, 12));
    EXPECT_EQ(as_text(secret.iv), a.substr(8, 12) + b.substr(0, 8) + c.substr(16, 4) + d.substr(0, 8));

    std::vector<std::uint8_t> data = padded;
    EXPECT_EQ(mtproto_v1::encrypt(key, data, plain.size(), from), number);
    EXPECT_NE(data, padded);
    mtproto_v1::decrypt(key, number, data, from);
    EXPECT_EQ(data, padded);
  }
}

// Goal: the group is one that clients accept without a doubt: a safe prime of 2048 bits that begins as published in
// core.telegram.org/mtproto/security_guidelines, and for g = 3, p mod 3 = 2. Method: p and (p-1)/2 both pass as primes,
// through a copy of the prime that is_good_group() does not know: the test of a changed one must fail.
TEST(dh, ThePrimeIsSafeAndTheGeneratorFitsIt) {
  EXPECT_EQ(to_hex(dh::prime).substr(0, 64), "c71caeb9c6b1c9048e6c522f70f13f73980d40238e3e21c14934d037563d930f");
  EXPECT_TRUE(dh::is_safe_prime(dh::prime));
  EXPECT_TRUE(dh::is_good_group(dh::prime, dh::generator));
  dh::number other = dh::prime;
  other.back() ^= 4;
  EXPECT_FALSE(dh::is_safe_prime(other));
  EXPECT_FALSE(dh::is_good_group(other, dh::generator));
  // The quadratic residues among 2 to 7, to which the table of the page comes down.
  std::set<int> good;
  for (int g = -1; g <= 10; ++g) {
    if (dh::is_good_group(dh::prime, g)) {
      good.insert(g);
    }
  }
  EXPECT_EQ(good, (std::set<int>{3, 4, 7}));
}

// 1 < g_a < p - 1 and 2^{2048-64} <= g_a <= p - 2^{2048-64} (security guidelines, "g_a and g_b validation").
TEST(dh, NumbersNearTheEdgesAreOutOfRange) {
  dh::number low{}; // 2^(2048-64)
  low[7] = 1;
  dh::number high = dh::prime; // p - 2^(2048-64)
  high[7] = static_cast<std::uint8_t>(high[7] - 1);
  EXPECT_TRUE(dh::in_range(low));
  EXPECT_TRUE(dh::in_range(high));
  dh::number below{};
  std::fill(below.begin() + 8, below.end(), std::uint8_t{0xff});
  EXPECT_FALSE(dh::in_range(below));
  dh::number above = high;
  above.back() = static_cast<std::uint8_t>(above.back() + 1);
  EXPECT_FALSE(dh::in_range(above));
  EXPECT_FALSE(dh::in_range(dh::number{}));
  EXPECT_FALSE(dh::in_range(dh::prime));
  dh::number largest;
  largest.fill(0xff);
  EXPECT_FALSE(dh::in_range(largest));
}

// Both sides compute the same key, and other exponents another one.
TEST(dh, BothSidesGetTheSameKey) {
  seeded_random random(13);
  dh::number a;
  dh::number b;
  random.fill(a);
  random.fill(b);
  const dh::number g_a = dh::power(a);
  const dh::number g_b = dh::power(b);
  EXPECT_TRUE(dh::in_range(g_a));
  EXPECT_EQ(dh::power(g_b, a), dh::power(g_a, b));
  EXPECT_NE(dh::power(g_b, a), dh::power(g_a, a));
  dh::number two{};
  two.back() = 2;
  dh::number nine{};
  nine.back() = 9;
  EXPECT_EQ(dh::power(two), nine); // g = 3
}

TEST(dh, ShorterNumbersAreFilledUpAndLongerOnesRefused) {
  const std::vector<std::uint8_t> bytes = {1, 2};
  const std::optional<dh::number> number = dh::number_from(bytes);
  ASSERT_TRUE(number.has_value());
  EXPECT_EQ((*number)[253], 0);
  EXPECT_EQ((*number)[254], 1);
  EXPECT_EQ((*number)[255], 2);
  EXPECT_TRUE(dh::number_from(dh::prime).has_value());
  EXPECT_FALSE(dh::number_from(std::vector<std::uint8_t>(257, 0)).has_value());
}

// Goal: "the product of two different odd prime numbers", at most 2^63-1 (auth_key, step 2), and taken apart again.
// Method: many seeds.
TEST(pq, ProductsHaveTwoDifferentPrimesAndAreTakenApart) {
  seeded_random random(17);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 300; ++i) {
    std::array<std::uint8_t, 32> seed{};
    random.fill(seed);
    const pq_numbers made = make_pq(seed);
    ASSERT_LT(made.p, made.q);
    ASSERT_TRUE(is_prime(made.p) && is_prime(made.q));
    ASSERT_EQ(made.pq, std::uint64_t{made.p} * made.q);
    ASSERT_GE(made.pq, std::uint64_t{1} << 60);
    ASSERT_LT(made.pq, std::uint64_t{1} << 62);
    seen.insert(made.pq);
    if (i < 50) {
      const std::optional<pq_numbers> found = factorize(made.pq);
      ASSERT_TRUE(found.has_value());
      ASSERT_EQ(found->p, made.p);
      ASSERT_EQ(found->q, made.q);
    }
  }
  EXPECT_EQ(seen.size(), 300U);
}

// The example of core.telegram.org/mtproto/samples-auth_key, small products, and numbers that are none.
TEST(pq, FactorizeKnowsTheExampleAndRefusesOtherNumbers) {
  const std::optional<pq_numbers> example = factorize(0x17ED48941A08F981);
  ASSERT_TRUE(example.has_value());
  EXPECT_EQ(example->p, 0x494C553BU);
  EXPECT_EQ(example->q, 0x53911073U);
  for (const auto& [p, q] : std::vector<std::pair<std::uint32_t, std::uint32_t>>{
         {3, 5}, {3, 7}, {5, 7}, {11, 13}, {3, 4294967291U}, {4294967279U, 4294967291U}}) {
    const std::optional<pq_numbers> found = factorize(std::uint64_t{p} * q);
    ASSERT_TRUE(found.has_value()) << p << " * " << q;
    EXPECT_EQ(found->p, p);
    EXPECT_EQ(found->q, q);
  }
  for (const std::uint64_t number : {0ULL, 1ULL, 2ULL, 9ULL, 14ULL, 17ULL, 25ULL, 1'000'003ULL, 105ULL}) {
    EXPECT_FALSE(factorize(number).has_value()) << number;
  }
}

TEST(pq, PrimesAreTold) {
  std::set<std::uint32_t> composites;
  for (std::uint32_t i = 2; i < 200; ++i) {
    for (std::uint32_t j = 2 * i; j < 20000; j += i) {
      composites.insert(j);
    }
  }
  for (std::uint32_t n = 2; n < 20000; ++n) {
    ASSERT_EQ(is_prime(n), !composites.contains(n)) << n;
  }
  EXPECT_FALSE(is_prime(0) || is_prime(1));
  EXPECT_TRUE(is_prime(4294967291U));
  EXPECT_FALSE(is_prime(3215031751U)); // passes for 2, 3, 5 and 7
}

} // namespace
