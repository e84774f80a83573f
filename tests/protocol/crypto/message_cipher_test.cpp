#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "protocol/crypto/aes_ige.hpp"
#include "protocol/crypto/hash.hpp"
#include "protocol/crypto/message_cipher.hpp"
#include "protocol/crypto/message_cipher_variants.hpp"
#include "tests/protocol/crypto/hex.hpp"
#include "tests/protocol/crypto/seeded_random.hpp"

namespace {

using namespace godwit;
using namespace godwit::crypto;
using test::seeded_random;

/// Messages with a key each, and their bytes before anything was done to them.
struct batch {
  std::vector<auth_key> keys;
  std::vector<std::vector<std::uint8_t>> texts;
  std::vector<cipher_job> jobs;

  batch(seeded_random& random, std::size_t count, std::size_t blocks_max, bool equal_sizes) {
    keys.resize(count);
    texts.resize(count);
    const std::size_t common = 16 * random.below(blocks_max + 1);
    for (std::size_t i = 0; i < count; ++i) {
      random.fill(keys[i].bytes);
      texts[i].resize(equal_sizes ? common : 16 * random.below(blocks_max + 1));
      random.fill(texts[i]);
    }
    attach(random);
  }

  void attach(seeded_random& random) {
    for (std::size_t i = 0; i < texts.size(); ++i) {
      cipher_job job;
      job.key = &keys[i];
      job.data = texts[i].data();
      job.size = texts[i].size();
      job.from = random.below(2) == 0 ? sender::client : sender::server;
      jobs.push_back(job);
    }
  }

  /// The same jobs over a copy of the bytes.
  batch(const batch& other) : keys(other.keys), texts(other.texts), jobs(other.jobs) {
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      jobs[i].key = &keys[i];
      jobs[i].data = texts[i].data();
    }
  }
  batch& operator=(const batch&) = delete;
};

/// The implementations that this processor runs; the OpenSSL one first.
std::vector<const cipher_implementation*> implementations() {
  std::vector<const cipher_implementation*> all = {&openssl_cipher()};
  if (native_cipher() != nullptr) {
    all.push_back(native_cipher());
  }
  return all;
}

void expect_same(const batch& reference, const batch& other, const std::string& where) {
  for (std::size_t i = 0; i < reference.jobs.size(); ++i) {
    ASSERT_EQ(test::to_hex(reference.jobs[i].msg_key), test::to_hex(other.jobs[i].msg_key)) << where << " job " << i;
    ASSERT_EQ(reference.texts[i], other.texts[i]) << where << " job " << i << " size " << reference.texts[i].size();
    ASSERT_EQ(reference.jobs[i].good, other.jobs[i].good) << where << " job " << i;
  }
}

// Goal: a reader of the log sees which code this machine tested. Method: says so, and that what is chosen
// is the fastest of them.
TEST(message_cipher, TheFastestVariantOfThisProcessorIsChosen) {
  for (const cipher_implementation* each : implementations()) {
    std::printf("message cipher variant tested: %.*s\n", static_cast<int>(each->name.size()), each->name.data());
  }
  if (native_cipher() == nullptr) {
    std::printf("message cipher variant not tested: aesni+shani, this processor lacks the instructions\n");
  }
  EXPECT_EQ(cipher_variant(), implementations().back()->name);
}

// Goal: one message has the bytes that the page describes. Method: the formulas of "Defining AES Key and
// Initialization Vector" and "Schematic presentation of messages" (core.telegram.org/mtproto/description), written
// down here once more with substrings, against each variant.
TEST(message_cipher, AMessageIsEncryptedByTheFormulasOfThePage) {
  seeded_random random(1);
  auth_key key;
  random.fill(key.bytes);
  for (const sender from : {sender::client, sender::server}) {
    const auto x = static_cast<std::size_t>(from);
    std::vector<std::uint8_t> plain(384);
    random.fill(plain);
    const auto substr = [](std::span<const std::uint8_t> of, std::size_t at, std::size_t size) {
      return std::string(as_text(of.subspan(at, size)));
    };
    const std::string auth(as_text(key.bytes));
    const sha256_hash large = sha256(as_bytes(auth.substr(88 + x, 32) + std::string(as_text(plain))));
    const std::string msg_key_text = substr(large, 8, 16);
    const sha256_hash a = sha256(as_bytes(msg_key_text + auth.substr(x, 36)));
    const sha256_hash b = sha256(as_bytes(auth.substr(40 + x, 36) + msg_key_text));
    ige_secret secret;
    const std::string aes_key = substr(a, 0, 8) + substr(b, 8, 16) + substr(a, 24, 8);
    const std::string aes_iv = substr(b, 0, 8) + substr(a, 8, 16) + substr(b, 24, 8);
    std::copy(aes_key.begin(), aes_key.end(), secret.key.begin());
    std::copy(aes_iv.begin(), aes_iv.end(), secret.iv.begin());
    std::vector<std::uint8_t> expected = plain;
    openssl_cipher().ige_encrypt(expected, secret);
    for (const cipher_implementation* each : implementations()) {
      std::vector<std::uint8_t> text = plain;
      cipher_job job{&key, text.data(), text.size(), {}, from, false};
      each->encrypt({&job, 1});
      EXPECT_EQ(as_text(job.msg_key), msg_key_text) << each->name;
      EXPECT_EQ(text, expected) << each->name;
    }
  }
}

// Goal: every variant gives the same bytes, whatever the sizes and however many messages go side by side.
// Method: seeded random batches, equal and different sizes, from no message to more than a group, through all
// variants, there and back.
TEST(message_cipher, AllVariantsGiveTheSameBytesForAllSizesAndCounts) {
  const std::uint64_t seed = test::seed_or(20'01);
  seeded_random random(seed);
  for (int round = 0; round < 4000; ++round) {
    const batch plain(random, random.below(20), round % 50 == 0 ? 600 : 40, random.below(2) == 0);
    batch reference(plain);
    openssl_cipher().encrypt(reference.jobs);
    const std::string where = "seed " + std::to_string(seed) + " round " + std::to_string(round);
    for (const cipher_implementation* each : implementations()) {
      batch encrypted(plain);
      each->encrypt(encrypted.jobs);
      ASSERT_NO_FATAL_FAILURE(expect_same(reference, encrypted, where));
      each->decrypt(encrypted.jobs);
      for (std::size_t i = 0; i < encrypted.jobs.size(); ++i) {
        ASSERT_TRUE(encrypted.jobs[i].good) << where;
        ASSERT_EQ(encrypted.texts[i], plain.texts[i]) << where;
      }
    }
  }
}

// Goal: each count of lanes is used at each of the first sizes, where first and last blocks of the hash meet. Method:
// all counts up to twice a group times all sizes up to 12 blocks.
TEST(message_cipher, EverySmallSizeIsRightInEveryNumberOfLanes) {
  seeded_random random(3);
  for (std::size_t count = 1; count <= 17; ++count) {
    for (std::size_t blocks = 0; blocks <= 12; ++blocks) {
      batch plain(random, count, 0, true);
      for (std::size_t i = 0; i < count; ++i) {
        plain.texts[i].resize(16 * blocks);
        random.fill(plain.texts[i]);
        plain.jobs[i].data = plain.texts[i].data();
        plain.jobs[i].size = 16 * blocks;
      }
      batch reference(plain);
      openssl_cipher().encrypt(reference.jobs);
      for (const cipher_implementation* each : implementations()) {
        batch encrypted(plain);
        each->encrypt(encrypted.jobs);
        ASSERT_NO_FATAL_FAILURE(expect_same(reference, encrypted, std::to_string(count)));
      }
    }
  }
}

// Goal: "the client must check that msg_key is in fact equal to SHA256" (security guidelines, "Checking SHA256
// hash value of msg_key"): one changed bit of text, message key, authorization key or direction is found, and
// only in its own message. Method: encrypt a batch, change one bit of one message, decrypt with all variants.
TEST(message_cipher, OneChangedBitSpoilsItsOwnMessageAlone) {
  const std::uint64_t seed = test::seed_or(20'02);
  seeded_random random(seed);
  for (int round = 0; round < 1000; ++round) {
    batch encrypted(random, 1 + random.below(12), 30, random.below(2) == 0);
    openssl_cipher().encrypt(encrypted.jobs);
    const std::size_t victim = random.below(encrypted.jobs.size());
    const auto bit = static_cast<std::uint8_t>(1U << random.below(8));
    switch (random.below(4)) {
    case 0: encrypted.jobs[victim].msg_key[random.below(16)] ^= bit; break;
    case 1: encrypted.keys[victim].bytes[88 + 8 + random.below(24)] ^= bit; break; // used in both directions
    case 2:
      encrypted.jobs[victim].from = encrypted.jobs[victim].from == sender::client ? sender::server : sender::client;
      break;
    default:
      if (encrypted.texts[victim].empty()) {
        continue;
      }
      encrypted.texts[victim][random.below(encrypted.texts[victim].size())] ^= bit;
      break;
    }
    batch reference(encrypted);
    openssl_cipher().decrypt(reference.jobs);
    for (const cipher_implementation* each : implementations()) {
      batch decrypted(encrypted);
      each->decrypt(decrypted.jobs);
      ASSERT_NO_FATAL_FAILURE(expect_same(reference, decrypted, std::to_string(round)));
      for (std::size_t i = 0; i < decrypted.jobs.size(); ++i) {
        ASSERT_EQ(decrypted.jobs[i].good, i != victim) << "seed " << seed << " round " << round;
      }
    }
  }
}

// Goal: AES-256-IGE is that of the field, not only the same everywhere. Method: the vectors of OpenSSL's IGE
// description (B. Laurie, 2006) are for 128 bits; so the mode is checked by its definition c[i] = E(p[i] ^ c[i-1])
// ^ p[i-1] with E from FIPS 197, appendix C.3: the first block with an empty vector is plain AES.
TEST(aes_ige, ABlockWithAnEmptyVectorIsPlainAes) {
  ige_secret secret;
  secret.key = test::array_from_hex<32>("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  for (const cipher_implementation* each : implementations()) {
    std::vector<std::uint8_t> block = test::from_hex("00112233445566778899aabbccddeeff");
    each->ige_encrypt(block, secret);
    EXPECT_EQ(test::to_hex(block), "8ea2b7ca516745bfeafc49904b496089") << each->name;
    each->ige_decrypt(block, secret);
    EXPECT_EQ(test::to_hex(block), "00112233445566778899aabbccddeeff") << each->name;
  }
}

// The same for the chaining: each block by the definition, from single blocks.
TEST(aes_ige, BlocksAreChainedAsTheModeIsDefined) {
  seeded_random random(5);
  for (const cipher_implementation* each : implementations()) {
    ige_secret secret;
    random.fill(secret.key);
    random.fill(secret.iv);
    std::vector<std::uint8_t> plain(16 * 9);
    random.fill(plain);
    std::vector<std::uint8_t> cipher = plain;
    each->ige_encrypt(cipher, secret);
    ige_secret bare = secret;
    bare.iv = {};
    std::vector<std::uint8_t> last_cipher(secret.iv.begin(), secret.iv.begin() + 16);
    std::vector<std::uint8_t> last_plain(secret.iv.begin() + 16, secret.iv.end());
    for (std::size_t at = 0; at < plain.size(); at += 16) {
      std::vector<std::uint8_t> block(16);
      for (std::size_t i = 0; i < 16; ++i) {
        block[i] = plain[at + i] ^ last_cipher[i];
      }
      each->ige_encrypt(block, bare);
      for (std::size_t i = 0; i < 16; ++i) {
        block[i] ^= last_plain[i];
        EXPECT_EQ(block[i], cipher[at + i]) << each->name;
      }
      last_cipher = block;
      last_plain.assign(plain.begin() + static_cast<std::ptrdiff_t>(at),
                        plain.begin() + static_cast<std::ptrdiff_t>(at) + 16);
    }
    each->ige_decrypt(cipher, secret);
    EXPECT_EQ(cipher, plain) << each->name;
  }
}

// Goal: an auth_key's id is the low 64 bits of its SHA-1 as the wire shows them (core.telegram.org/mtproto/
// auth_key, step 9). Method: against the hash of a known key.
TEST(auth_key, TheIdIsTheEndOfItsSha1) {
  auth_key key;
  key.bytes.fill(7);
  const sha1_hash hash = sha1(key.bytes);
  std::uint64_t low = 0;
  std::memcpy(&low, hash.data() + 12, sizeof(low));
  EXPECT_EQ(key.id().value(), low);
}

} // namespace
