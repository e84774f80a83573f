#include "protocol/crypto/random.hpp"

#include <pthread.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <limits>

#include <openssl/crypto.h>
#include <openssl/rand.h>

namespace godwit::crypto {
namespace {

void generate(std::span<std::uint8_t> out) {
  while (!out.empty()) {
    const std::size_t piece = std::min<std::size_t>(out.size(), std::numeric_limits<int>::max());
    OPENSSL_assert(RAND_bytes(out.data(), static_cast<int>(piece)) == 1);
    out = out.subspan(piece);
  }
}

/// Changes in a child process, which must not give out what its parent does.
std::atomic<unsigned> process{1};
[[maybe_unused]] const int child_noticed = ::pthread_atfork(nullptr, nullptr, [] { ++process; });

/// Bytes generated ahead, one such for each thread. What is given out is wiped.
class supply {
public:
  ~supply() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

  void take(std::span<std::uint8_t> out) {
    const unsigned now = process.load(std::memory_order_relaxed);
    if (left_ < out.size() || owner_ != now) {
      generate(bytes_);
      left_ = bytes_.size();
      owner_ = now;
    }
    left_ -= out.size();
    std::memcpy(out.data(), bytes_.data() + left_, out.size());
    OPENSSL_cleanse(bytes_.data() + left_, out.size());
  }

private:
  std::array<std::uint8_t, 2048> bytes_{};
  std::size_t left_ = 0;
  unsigned owner_ = 0;
};

/// A call of the generator takes about a microsecond, however little is asked of it, and every packet needs padding:
/// small pieces come from the thread's supply.
class openssl_random final : public random_source {
public:
  void fill(std::span<std::uint8_t> out) override {
    constexpr std::size_t small = 64;
    if (out.size() > small) {
      generate(out);
    } else if (!out.empty()) {
      thread_local supply own;
      own.take(out);
    }
  }
};

} // namespace

random_source& system_random() {
  static openssl_random source;
  return source;
}

} // namespace godwit::crypto
