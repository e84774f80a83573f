#pragma once

#include <span>
#include <string_view>

#include "protocol/crypto/aes_ige.hpp"
#include "protocol/crypto/message_cipher.hpp"

/// The two implementations behind message_cipher.hpp and aes_ige.hpp, for tests and benches. They do the same.
namespace godwit::crypto {

struct cipher_implementation {
  std::string_view name;
  void (*encrypt)(std::span<cipher_job> jobs);
  void (*decrypt)(std::span<cipher_job> jobs);
  void (*ige_encrypt)(mutable_bytes data, const ige_secret& secret);
  void (*ige_decrypt)(mutable_bytes data, const ige_secret& secret);
};

/// The reference, and what a processor without the instructions gets.
const cipher_implementation& openssl_cipher();

/// Over the AES and SHA instructions of x86-64; null where this processor lacks them.
const cipher_implementation* native_cipher();

/// What the functions of message_cipher.hpp use: the fastest that runs here.
const cipher_implementation& chosen_cipher();

} // namespace godwit::crypto
