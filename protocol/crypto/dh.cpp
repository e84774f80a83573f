#include "protocol/crypto/dh.hpp"

#include <algorithm>
#include <memory>

#include <openssl/bn.h>
#include <openssl/crypto.h>

namespace godwit::crypto::dh {
namespace {

struct bn_deleter {
  void operator()(BIGNUM* number) const { BN_clear_free(number); }
  void operator()(BN_CTX* context) const { BN_CTX_free(context); }
  void operator()(BN_MONT_CTX* context) const { BN_MONT_CTX_free(context); }
};
using bn = std::unique_ptr<BIGNUM, bn_deleter>;
using bn_context = std::unique_ptr<BN_CTX, bn_deleter>;
using bn_montgomery = std::unique_ptr<BN_MONT_CTX, bn_deleter>;

bn bn_from(bytes_view bytes) {
  bn result(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
  OPENSSL_assert(result != nullptr);
  return result;
}

bn_context make_context() {
  bn_context result(BN_CTX_secure_new());
  OPENSSL_assert(result != nullptr);
  return result;
}

/// The prime with what an exponentiation needs of it.
struct group {
  bn modulus = bn_from(prime);
  bn_montgomery montgomery{BN_MONT_CTX_new()};

  group() {
    const bn_context context = make_context();
    OPENSSL_assert(montgomery != nullptr && BN_MONT_CTX_set(montgomery.get(), modulus.get(), context.get()) == 1);
  }
};

const group& our_group() {
  static const group only;
  return only;
}

number power(const bn& base, const number& exponent) {
  const bn secret = bn_from(exponent);
  BN_set_flags(secret.get(), BN_FLG_CONSTTIME);
  const bn_context context = make_context();
  const bn result(BN_new());
  number out;
  OPENSSL_assert(result != nullptr &&
                 BN_mod_exp_mont_consttime(result.get(), base.get(), secret.get(), our_group().modulus.get(),
                                           context.get(), our_group().montgomery.get()) == 1 &&
                 BN_bn2binpad(result.get(), out.data(), static_cast<int>(out.size())) == static_cast<int>(out.size()));
  return out;
}

/// The residues that make `g` a generator of the subgroup of order (prime - 1) / 2, by the table of the page.
bool has_right_residue(const BIGNUM* modulus, std::int32_t g) {
  const auto residue = [modulus](BN_ULONG divisor) { return BN_mod_word(modulus, divisor); };
  switch (g) {
  case 2: return residue(8) == 7;
  case 3: return residue(3) == 2;
  case 4: return true;
  case 5: return residue(5) == 1 || residue(5) == 4;
  case 6: return residue(24) == 19 || residue(24) == 23;
  case 7: return residue(7) == 3 || residue(7) == 5 || residue(7) == 6;
  default: return false;
  }
}

} // namespace

// clang-format off
const number prime = {
  0xc7, 0x1c, 0xae, 0xb9, 0xc6, 0xb1, 0xc9, 0x04, 0x8e, 0x6c, 0x52, 0x2f, 0x70, 0xf1, 0x3f, 0x73,
  0x98, 0x0d, 0x40, 0x23, 0x8e, 0x3e, 0x21, 0xc1, 0x49, 0x34, 0xd0, 0x37, 0x56, 0x3d, 0x93, 0x0f,
  0x48, 0x19, 0x8a, 0x0a, 0xa7, 0xc1, 0x40, 0x58, 0x22, 0x94, 0x93, 0xd2, 0x25, 0x30, 0xf4, 0xdb,
  0xfa, 0x33, 0x6f, 0x6e, 0x0a, 0xc9, 0x25, 0x13, 0x95, 0x43, 0xae, 0xd4, 0x4c, 0xce, 0x7c, 0x37,
  0x20, 0xfd, 0x51, 0xf6, 0x94, 0x58, 0x70, 0x5a, 0xc6, 0x8c, 0xd4, 0xfe, 0x6b, 0x6b, 0x13, 0xab,
  0xdc, 0x97, 0x46, 0x51, 0x29, 0x69, 0x32, 0x84, 0x54, 0xf1, 0x8f, 0xaf, 0x8c, 0x59, 0x5f, 0x64,
  0x24, 0x77, 0xfe, 0x96, 0xbb, 0x2a, 0x94, 0x1d, 0x5b, 0xcd, 0x1d, 0x4a, 0xc8, 0xcc, 0x49, 0x88,
  0x07, 0x08, 0xfa, 0x9b, 0x37, 0x8e, 0x3c, 0x4f, 0x3a, 0x90, 0x60, 0xbe, 0xe6, 0x7c, 0xf9, 0xa4,
  0xa4, 0xa6, 0x95, 0x81, 0x10, 0x51, 0x90, 0x7e, 0x16, 0x27, 0x53, 0xb5, 0x6b, 0x0f, 0x6b, 0x41,
  0x0d, 0xba, 0x74, 0xd8, 0xa8, 0x4b, 0x2a, 0x14, 0xb3, 0x14, 0x4e, 0x0e, 0xf1, 0x28, 0x47, 0x54,
  0xfd, 0x17, 0xed, 0x95, 0x0d, 0x59, 0x65, 0xb4, 0xb9, 0xdd, 0x46, 0x58, 0x2d, 0xb1, 0x17, 0x8d,
  0x16, 0x9c, 0x6b, 0xc4, 0x65, 0xb0, 0xd6, 0xff, 0x9c, 0xa3, 0x92, 0x8f, 0xef, 0x5b, 0x9a, 0xe4,
  0xe4, 0x18, 0xfc, 0x15, 0xe8, 0x3e, 0xbe, 0xa0, 0xf8, 0x7f, 0xa9, 0xff, 0x5e, 0xed, 0x70, 0x05,
  0x0d, 0xed, 0x28, 0x49, 0xf4, 0x7b, 0xf9, 0x59, 0xd9, 0x56, 0x85, 0x0c, 0xe9, 0x29, 0x85, 0x1f,
  0x0d, 0x81, 0x15, 0xf6, 0x35, 0xb1, 0x05, 0xee, 0x2e, 0x4e, 0x15, 0xd0, 0x4b, 0x24, 0x54, 0xbf,
  0x6f, 0x4f, 0xad, 0xf0, 0x34, 0xb1, 0x04, 0x03, 0x11, 0x9c, 0xd8, 0xe3, 0xb9, 0x2f, 0xcc, 0x5b,
};
// clang-format on

bool in_range(const number& value) {
  // 2^(2048-64) <= value also says 1 < value; the upper bound likewise.
  const bool large = std::any_of(value.begin(), value.begin() + 8, [](std::uint8_t byte) { return byte != 0; });
  // prime - value >= 2^(2048-64)
  const bn distance(BN_new());
  const bn subtrahend = bn_from(value);
  OPENSSL_assert(distance != nullptr && BN_sub(distance.get(), our_group().modulus.get(), subtrahend.get()) == 1);
  return large && BN_is_negative(distance.get()) == 0 && BN_num_bits(distance.get()) > 2048 - 64;
}

bool is_safe_prime(const number& candidate) {
  const bn modulus = bn_from(candidate);
  const bn half(BN_new());
  const bn_context context = make_context();
  OPENSSL_assert(half != nullptr && BN_rshift1(half.get(), modulus.get()) == 1);
  return BN_num_bits(modulus.get()) == 2048 && BN_check_prime(modulus.get(), context.get(), nullptr) == 1 &&
         BN_check_prime(half.get(), context.get(), nullptr) == 1;
}

bool is_good_group(const number& candidate, std::int32_t g) {
  const bn modulus = bn_from(candidate);
  return has_right_residue(modulus.get(), g) && (candidate == prime || is_safe_prime(candidate));
}

number power(const number& exponent) {
  const std::array<std::uint8_t, 1> g = {static_cast<std::uint8_t>(generator)};
  return power(bn_from(g), exponent);
}

number power(const number& base, const number& exponent) { return power(bn_from(base), exponent); }

std::optional<number> number_from(bytes_view big_endian) {
  number result{};
  if (big_endian.size() > result.size()) {
    return std::nullopt;
  }
  std::copy(big_endian.begin(), big_endian.end(), result.end() - static_cast<std::ptrdiff_t>(big_endian.size()));
  return result;
}

} // namespace godwit::crypto::dh
