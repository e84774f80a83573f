#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "tests/chat_load/device.hpp"

namespace godwit::chat_load {

class late_sign_in;

struct run_options {
  std::uint64_t seed = 1;
  std::uint32_t accounts = 100;
  /// Between two things that a device does, in the mean.
  std::chrono::milliseconds pause{1000};
  /// Between two troubles of a device, in the mean; 0: none.
  std::chrono::milliseconds trouble{6000};
  std::filesystem::path folder; ///< for the recordings
};

/// Hundreds of devices of real nodes, doing random things, while whoever runs them does what he likes to the nodes;
/// then all of them come to rest and read everything. The recordings are left for the checker. Decisions come from the
/// seed; what the machine does in between does not. In this order: sign_up, begin, run_for, end.
class chat_run {
public:
  /// `nodes`: devices connect to any of them. `check` is called all the time, and throws when a node is not as it
  /// should be. Everything else here throws std::runtime_error where it cannot go on.
  chat_run(const run_options& options, std::vector<bench::client_target> nodes, std::function<void()> check);
  ~chat_run();

  /// Two devices for each account, which know each other by their numbers.
  void sign_up();
  /// From now on devices do random things and have troubles.
  void begin();
  void run_for(std::chrono::milliseconds time);
  /// Each device does up to so many things at once, so that much is under way when something happens.
  void hurry(std::uint64_t things);
  /// A further device of some account signs in, however long that takes.
  void add_device();
  /// Nobody does anything new; all come to rest, catch up, and read everything.
  void end();

  [[nodiscard]] bench::socket_loop& loop() { return loop_; }
  [[nodiscard]] run_figures& figures() { return figures_; }
  /// Devices that signed in later, and those that still try.
  [[nodiscard]] std::size_t added() const { return added_; }
  [[nodiscard]] std::size_t adding() const { return late_.size(); }

private:
  struct signing_in;

  void sign_in(std::uint32_t number);
  void import_contacts();
  void come_to_rest();
  void tick_all();
  void take_late();
  device& make_device(std::uint32_t account, std::uint32_t number, std::shared_ptr<const bench::client_key> key);
  [[nodiscard]] bench::client_target any_node();
  [[nodiscard]] bool all_idle() const;
  void wait(const char* what, std::chrono::seconds patience, const std::function<bool()>& done);

  run_options options_;
  std::vector<bench::client_target> nodes_;
  std::function<void()> check_;
  dice dice_;
  run_figures figures_;
  bench::socket_loop loop_;
  std::deque<account_facts> accounts_;
  std::vector<std::shared_ptr<const bench::client_key>> keys_; ///< by account and device
  std::vector<std::unique_ptr<device>> devices_;
  std::vector<std::unique_ptr<late_sign_in>> late_;
  std::vector<std::uint32_t> devices_of_; ///< how many an account has, or is about to
  std::size_t added_ = 0;
  bool acting_ = false;
};

} // namespace godwit::chat_load
