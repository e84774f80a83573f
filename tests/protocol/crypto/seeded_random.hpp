#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>
#include <span>
#include <string>

#include "protocol/crypto/random.hpp"

namespace godwit::test {

/// The same bytes for the same seed.
class seeded_random final : public crypto::random_source {
public:
  explicit seeded_random(std::uint64_t seed) : engine_(seed) {}

  void fill(std::span<std::uint8_t> out) override {
    for (std::uint8_t& byte : out) {
      byte = static_cast<std::uint8_t>(engine_() >> 24);
    }
  }

  /// Below `bound`.
  std::uint64_t below(std::uint64_t bound) { return engine_() % bound; }

private:
  std::mt19937_64 engine_;
};

/// From GODWIT_SEED, else `otherwise`.
inline std::uint64_t seed_or(std::uint64_t otherwise) {
  const char* text = std::getenv("GODWIT_SEED");
  return text == nullptr ? otherwise : std::stoull(text);
}

} // namespace godwit::test
