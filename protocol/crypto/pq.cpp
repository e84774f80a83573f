#include "protocol/crypto/pq.hpp"

#include <algorithm>
#include <numeric>

#include "protocol/crypto/hash.hpp"

namespace godwit::crypto {
namespace {

__extension__ using wide = unsigned __int128;

std::uint64_t multiply(std::uint64_t a, std::uint64_t b, std::uint64_t modulus) {
  return static_cast<std::uint64_t>(wide{a} * b % modulus);
}

std::uint64_t power(std::uint64_t base, std::uint64_t exponent, std::uint64_t modulus) {
  std::uint64_t result = 1;
  for (; exponent != 0; exponent >>= 1) {
    if ((exponent & 1) != 0) {
      result = result * base % modulus; // moduli here have 32 bits
    }
    base = base * base % modulus;
  }
  return result;
}

/// Candidates of 31 bits from a seed: the words of its hash with a counter, one after the other.
class candidate_source {
public:
  explicit candidate_source(const std::array<std::uint8_t, 32>& seed) : seed_(seed) {}

  std::uint32_t next_prime() {
    while (true) {
      const std::uint32_t candidate = (next() & 0x3fff'ffffU) | 0x4000'0001U;
      if (is_prime(candidate)) {
        return candidate;
      }
    }
  }

private:
  std::uint32_t next() {
    if (at_ == words_.size()) {
      const std::array<std::uint8_t, 2> number = {static_cast<std::uint8_t>(counter_),
                                                  static_cast<std::uint8_t>(counter_ >> 8)};
      ++counter_;
      const sha256_hash hash = sha256({seed_, number});
      for (std::size_t i = 0; i < words_.size(); ++i) {
        words_[i] = std::uint32_t{hash[4 * i]} | std::uint32_t{hash[4 * i + 1]} << 8 |
                    std::uint32_t{hash[4 * i + 2]} << 16 | std::uint32_t{hash[4 * i + 3]} << 24;
      }
      at_ = 0;
    }
    return words_[at_++];
  }

  std::array<std::uint8_t, 32> seed_;
  std::uint32_t counter_ = 0;
  std::array<std::uint32_t, 8> words_{};
  std::size_t at_ = 8;
};

/// A factor of an odd composite by Pollard's rho with Brent's cycle search; 0 or `n` when this constant fails.
std::uint64_t rho(std::uint64_t n, std::uint64_t constant) {
  constexpr std::uint64_t batch = 128;
  const auto step = [n, constant](std::uint64_t x) { return static_cast<std::uint64_t>((wide{x} * x + constant) % n); };
  std::uint64_t y = 2;
  for (std::uint64_t length = 1; length <= std::uint64_t{1} << 22; length *= 2) {
    const std::uint64_t x = y;
    for (std::uint64_t done = 0; done < length; done += batch) {
      const std::uint64_t begin = y;
      std::uint64_t product = 1;
      const std::uint64_t steps = std::min(batch, length - done);
      for (std::uint64_t i = 0; i < steps; ++i) {
        y = step(y);
        product = multiply(product, x > y ? x - y : y - x, n);
      }
      if (std::gcd(product, n) == 1) {
        continue;
      }
      // A factor is among these steps: find the first that has it.
      y = begin;
      for (std::uint64_t i = 0; i < steps; ++i) {
        y = step(y);
        if (const std::uint64_t factor = std::gcd(x > y ? x - y : y - x, n); factor != 1) {
          return factor;
        }
      }
    }
  }
  return 0;
}

} // namespace

bool is_prime(std::uint32_t number) {
  for (const std::uint32_t small : {2U, 3U, 5U, 7U, 11U, 13U, 17U, 19U, 23U, 29U, 31U, 37U}) {
    if (number % small == 0) {
      return number == small;
    }
  }
  if (number < 2) {
    return false;
  }
  std::uint32_t odd = number - 1;
  int twos = 0;
  for (; odd % 2 == 0; odd /= 2) {
    ++twos;
  }
  // These bases make the test exact below 4,759,123,141 (Jaeschke, 1993).
  for (const std::uint64_t base : {2U, 7U, 61U}) {
    if (number == base) {
      return true;
    }
    std::uint64_t value = power(base, odd, number);
    bool passes = value == 1 || value == number - 1;
    for (int i = 1; i < twos && !passes; ++i) {
      value = value * value % number;
      passes = value == number - 1;
    }
    if (!passes) {
      return false;
    }
  }
  return true;
}

pq_numbers make_pq(const std::array<std::uint8_t, 32>& seed) {
  candidate_source candidates(seed);
  std::uint32_t p = candidates.next_prime();
  std::uint32_t q = candidates.next_prime();
  while (p == q) {
    q = candidates.next_prime();
  }
  if (p > q) {
    std::swap(p, q);
  }
  return {std::uint64_t{p} * q, p, q};
}

std::optional<pq_numbers> factorize(std::uint64_t pq) {
  if (pq < 15 || pq % 2 == 0) {
    return std::nullopt;
  }
  // A prime has no factor to be found; Fermat's test sorts it out.
  std::uint64_t residue = 1;
  std::uint64_t base = 2;
  for (std::uint64_t exponent = pq - 1; exponent != 0; exponent >>= 1) {
    if ((exponent & 1) != 0) {
      residue = multiply(residue, base, pq);
    }
    base = multiply(base, base, pq);
  }
  if (residue == 1) {
    return std::nullopt;
  }
  for (std::uint64_t constant = 1; constant <= 16; ++constant) {
    const std::uint64_t factor = rho(pq, constant);
    if (factor == 0 || factor == pq) {
      continue;
    }
    const std::uint64_t p = std::min(factor, pq / factor);
    const std::uint64_t q = pq / p;
    if (p == q || q > UINT32_MAX || !is_prime(static_cast<std::uint32_t>(p)) ||
        !is_prime(static_cast<std::uint32_t>(q))) {
      return std::nullopt;
    }
    return pq_numbers{pq, static_cast<std::uint32_t>(p), static_cast<std::uint32_t>(q)};
  }
  return std::nullopt;
}

} // namespace godwit::crypto
