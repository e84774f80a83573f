#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>

#include "tests/e2e/wire/wire_node.hpp"

namespace godwit::test {

/// What must appear in no log: parts of what clients told in confidence.
struct canary {
  static constexpr std::uint64_t number = 99'966'812'345;
  static constexpr const char* first_name = "Quillfeather-Canary";
  static constexpr const char* device = "Lighthouse-Canary";
};

/// A client with a key and, unless it is refused, a login: help.getConfig, auth.sendCode, signIn, signUp.
/// False when a step failed.
bool sign_up(const wire_node& node, socket_client& client, std::uint64_t number);
socket_client_options canary_options(const wire_node& node);

/// An honest user, signed in, that pings and asks all the while from a thread of its own. Whatever others do to
/// the node must not be felt here.
class witness {
public:
  explicit witness(const wire_node& node);
  ~witness();

  /// Rounds that went well so far.
  [[nodiscard]] int rounds() const { return rounds_; }
  /// What went wrong; empty: nothing.
  [[nodiscard]] std::string complaint() const;
  [[nodiscard]] double slowest_ms() const { return slowest_ms_; }

private:
  void run();
  void complain(const std::string& what);

  const wire_node& node_;
  std::atomic<bool> ending_ = false;
  std::atomic<int> rounds_ = 0;
  std::atomic<double> slowest_ms_ = 0;
  mutable std::mutex mutex_;
  std::string complaint_;
  std::thread thread_;
};

} // namespace godwit::test
