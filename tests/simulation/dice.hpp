#pragma once

#include <cstdint>

namespace godwit::simulation {

/// One step of splitmix64: spreads a seed's bits over all of the result.
constexpr std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

/// The only source of chance in a simulation: the same seed throws the same numbers everywhere.
class dice {
public:
  explicit dice(std::uint64_t seed) : state_(mix(seed)) {}

  std::uint64_t next() { return mix(state_ += 0x9e3779b97f4a7c15ULL); }

  /// 0 <= result < n; 0 when n is 0.
  std::uint64_t below(std::uint64_t n) { return n == 0 ? 0 : next() % n; }

  /// from <= result <= to
  std::uint64_t between(std::uint64_t from, std::uint64_t to) { return from + below(to - from + 1); }

  bool chance(double p) { return p > 0 && static_cast<double>(next() >> 11) * 0x1p-53 < p; }

private:
  std::uint64_t state_;
};

} // namespace godwit::simulation
