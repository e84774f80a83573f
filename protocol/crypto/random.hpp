#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace godwit::crypto {

/// Where random bytes come from, so that rules which need them can be repeated in a test.
class random_source {
public:
  virtual ~random_source() = default;
  virtual void fill(std::span<std::uint8_t> out) = 0;

  std::uint64_t next_u64() {
    std::uint64_t value = 0;
    fill({reinterpret_cast<std::uint8_t*>(&value), sizeof(value)});
    return value;
  }
};

/// OpenSSL's generator. Safe from every thread. Ends the process when there is no entropy.
random_source& system_random();

} // namespace godwit::crypto
