// What the encryption of messages costs: each implementation, one message at a time and eight side by side.

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "protocol/crypto/message_cipher_variants.hpp"
#include "protocol/crypto/random.hpp"

namespace {

using namespace godwit::crypto;

constexpr std::size_t messages = 8;

struct load {
  std::array<auth_key, messages> keys;
  std::vector<std::uint8_t> bytes;
  std::array<cipher_job, messages> jobs;

  explicit load(std::size_t size) : bytes(messages * size) {
    system_random().fill(bytes);
    for (std::size_t i = 0; i < messages; ++i) {
      system_random().fill(keys[i].bytes);
      jobs[i].key = &keys[i];
      jobs[i].data = bytes.data() + i * size;
      jobs[i].size = size;
    }
  }
};

/// Nanoseconds per message, the best of several rounds: what the machine does beside it only adds.
double measure(void (*run)(std::span<cipher_job>), std::span<cipher_job> jobs) {
  using clock = std::chrono::steady_clock;
  double best = 1e9;
  for (int round = 0; round < 20; ++round) {
    constexpr int repeats = 2000;
    const auto begin = clock::now();
    for (int i = 0; i < repeats; ++i) {
      run(jobs);
    }
    const std::chrono::duration<double, std::nano> took = clock::now() - begin;
    best = std::min(best, took.count() / repeats / static_cast<double>(jobs.size()));
  }
  return best;
}

void report(const cipher_implementation& variant, std::size_t size, std::size_t at_once) {
  load work(size);
  const std::span<cipher_job> jobs = std::span(work.jobs).first(at_once);
  const std::string name = std::string(variant.name) + (at_once == 1 ? " single" : " x" + std::to_string(at_once));
  std::printf("message_cipher %-16s %zu bytes encrypt %6.0f ns\n", name.c_str(), size, measure(variant.encrypt, jobs));
  std::printf("message_cipher %-16s %zu bytes decrypt %6.0f ns\n", name.c_str(), size, measure(variant.decrypt, jobs));
}

} // namespace

int main(int argc, char** argv) {
  if (argc > 2 || (argc == 2 && std::atol(argv[1]) <= 0)) {
    std::fprintf(stderr, "usage: %s [bytes per message, rounded up to 16; 384 unless told]\n", argv[0]);
    return 2;
  }
  const std::size_t size = argc == 2 ? (static_cast<std::size_t>(std::atol(argv[1])) + 15) / 16 * 16 : 384;
  report(openssl_cipher(), size, 1);
  if (native_cipher() == nullptr) {
    std::printf("message_cipher aesni+shani: this processor lacks the instructions\n");
    return 0;
  }
  for (const std::size_t at_once : {std::size_t{1}, std::size_t{2}, std::size_t{4}, messages}) {
    report(*native_cipher(), size, at_once);
  }
  return 0;
}
