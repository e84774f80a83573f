#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "bench/load/load_client.hpp"

namespace godwit::bench {

/// Clients that make a key each, on a connection of its own, and are followed by the next one. On threads of the
/// lowest priority, for in earnest their arithmetic is done on other machines. Ends with the object.
class key_flood {
public:
  /// `at_once`: exchanges side by side on each thread.
  key_flood(const client_target& where, unsigned threads, std::uint32_t at_once);
  ~key_flood();
  key_flood(const key_flood&) = delete;
  key_flood& operator=(const key_flood&) = delete;

  [[nodiscard]] std::uint64_t made() const { return made_; }
  [[nodiscard]] std::uint64_t failed() const { return failed_; }
  /// CPU of the clients.
  [[nodiscard]] double client_seconds() const { return static_cast<double>(client_us_) / 1e6; }

private:
  void work(client_target where, std::uint32_t at_once);

  std::atomic<std::uint64_t> made_ = 0;
  std::atomic<std::uint64_t> failed_ = 0;
  std::atomic<std::uint64_t> client_us_ = 0;
  std::atomic<bool> ending_ = false;
  std::vector<std::thread> threads_;
};

} // namespace godwit::bench
