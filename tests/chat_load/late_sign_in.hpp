#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "bench/load/load_client.hpp"
#include "tests/simulation/dice.hpp"

namespace godwit::chat_load {

/// A device that signs in while nodes fail: it begins anew, with a new key and at any node, until it is in.
class late_sign_in {
public:
  /// Which account, and as which of its devices.
  struct who {
    std::uint32_t account = 0;
    std::uint32_t number = 0;
  };

  late_sign_in(bench::socket_loop& loop, std::vector<bench::client_target> nodes, who which, std::uint64_t seed);
  ~late_sign_in();

  /// Goes on; to be called now and then. Yields the key of the device that is signed in, once.
  std::shared_ptr<const bench::client_key> tick();

  [[nodiscard]] const who& device() const { return which_; }

private:
  struct attempt;

  void begin();

  bench::socket_loop& loop_;
  std::vector<bench::client_target> nodes_;
  who which_;
  simulation::dice dice_;
  std::shared_ptr<attempt> now_;
  bench::socket_loop::clock::time_point begin_at_{};
};

} // namespace godwit::chat_load
