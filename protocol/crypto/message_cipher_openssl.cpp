// AES_ige_encrypt has no successor.
#define OPENSSL_SUPPRESS_DEPRECATED

#include <openssl/aes.h>
#include <openssl/crypto.h>

#include "protocol/crypto/hash.hpp"
#include "protocol/crypto/key_derivation.hpp"
#include "protocol/crypto/message_cipher_variants.hpp"

namespace godwit::crypto {
namespace {

void ige(mutable_bytes data, const ige_secret& secret, int direction) {
  AES_KEY schedule;
  const auto expand = direction == AES_ENCRYPT ? AES_set_encrypt_key : AES_set_decrypt_key;
  expand(secret.key.data(), 256, &schedule);
  ige_secret running = secret; // its iv is written to
  const std::size_t whole = data.size() / AES_BLOCK_SIZE * AES_BLOCK_SIZE;
  AES_ige_encrypt(data.data(), data.data(), whole, &schedule, running.iv.data(), direction);
  OPENSSL_cleanse(&schedule, sizeof(schedule));
}

void ige_encrypt(mutable_bytes data, const ige_secret& secret) { ige(data, secret, AES_ENCRYPT); }

void ige_decrypt(mutable_bytes data, const ige_secret& secret) { ige(data, secret, AES_DECRYPT); }

msg_key message_key_of(const cipher_job& job) {
  return key_derivation::middle_of(
    sha256({bytes_view(key_derivation::message_prefix(job), key_derivation::message_prefix_size),
            bytes_view(job.data, job.size)}));
}

void derive(const cipher_job& job, ige_secret& out) {
  const bytes_view first(key_derivation::first_key_part(job), key_derivation::key_part_size);
  const bytes_view second(key_derivation::second_key_part(job), key_derivation::key_part_size);
  key_derivation::combine(sha256({job.msg_key, first}), sha256({second, job.msg_key}), out);
}

void encrypt_all(std::span<cipher_job> jobs) {
  for (cipher_job& job : jobs) {
    job.msg_key = message_key_of(job);
    ige_secret secret;
    derive(job, secret);
    ige_encrypt({job.data, job.size}, secret);
  }
}

void decrypt_all(std::span<cipher_job> jobs) {
  for (cipher_job& job : jobs) {
    ige_secret secret;
    derive(job, secret);
    ige_decrypt({job.data, job.size}, secret);
    job.good = equal(message_key_of(job), job.msg_key);
  }
}

} // namespace

const cipher_implementation& openssl_cipher() {
  static constexpr cipher_implementation implementation{"openssl", encrypt_all, decrypt_all, ige_encrypt, ige_decrypt};
  return implementation;
}

} // namespace godwit::crypto
