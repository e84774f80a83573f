#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "protocol/crypto/bytes.hpp"
#include "protocol/expected.hpp"

namespace godwit::crypto {

/// A number below the modulus of a 2048-bit key, big-endian.
using rsa_block = std::array<std::uint8_t, 256>;

enum class rsa_errc : std::uint8_t {
  not_a_key = 1, ///< no PEM of the kind asked for
  not_rsa_2048,  ///< a key, but not RSA of 2048 bits
  inconsistent,  ///< the parts of the private key do not belong together
  failed,        ///< the library could not make a key: no memory, no entropy
};

/// One sentence for the operator.
std::string_view to_string(rsa_errc code);

/// The public half of a server's key. Immutable, safe from every thread; copies share the key.
class rsa_public_key {
public:
  /// From "BEGIN RSA PUBLIC KEY" (PKCS#1) or "BEGIN PUBLIC KEY".
  static expected<rsa_public_key, rsa_errc> from_pem(std::string_view pem);

  /// PKCS#1, the form that client libraries take.
  [[nodiscard]] std::string to_pem() const;
  /// Low 64 bits of the SHA-1 of the bare `rsa_public_key n:string e:string`.
  [[nodiscard]] std::uint64_t fingerprint() const;
  /// block^e mod n; nothing when the number is not below the modulus.
  [[nodiscard]] std::optional<rsa_block> apply(const rsa_block& block) const;

private:
  friend class rsa_private_key;
  struct impl;
  explicit rsa_public_key(std::shared_ptr<const impl> key) : impl_(std::move(key)) {}
  std::shared_ptr<const impl> impl_;
};

/// A server's key. Immutable, safe from every thread; copies share the key.
class rsa_private_key {
public:
  /// From PKCS#1 ("BEGIN RSA PRIVATE KEY") or PKCS#8 ("BEGIN PRIVATE KEY"), not encrypted.
  static expected<rsa_private_key, rsa_errc> from_pem(std::string_view pem);
  /// A new one of 2048 bits with e = 65537. Takes up to a second.
  static expected<rsa_private_key, rsa_errc> generate();

  /// PKCS#8. A secret: the caller wipes it.
  [[nodiscard]] std::string to_pem() const;
  [[nodiscard]] rsa_public_key public_key() const;
  [[nodiscard]] std::uint64_t fingerprint() const { return fingerprint_; }
  /// block^d mod n, blinded; a fraction of a millisecond. Nothing when the number is not below the modulus.
  [[nodiscard]] std::optional<rsa_block> apply(const rsa_block& block) const;

private:
  struct impl;
  explicit rsa_private_key(std::shared_ptr<const impl> key);
  std::shared_ptr<const impl> impl_;
  std::uint64_t fingerprint_ = 0;
};

} // namespace godwit::crypto
