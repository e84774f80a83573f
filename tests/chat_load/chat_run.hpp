#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <vector>

#include "tests/chat_load/device.hpp"
#include "tests/chat_load/faulty_node.hpp"

namespace godwit::chat_load {

struct run_options {
  std::uint64_t seed = 1;
  std::uint32_t accounts = 100;
  std::uint32_t seconds = 25; ///< of doing things
  std::uint32_t kills = 3;    ///< of the node, in that time
  /// Between two things that a device does, in the mean.
  std::chrono::milliseconds pause{1000};
  /// Between two troubles of a device, in the mean; 0: none.
  std::chrono::milliseconds trouble{6000};
  std::filesystem::path program; ///< godwit
  std::filesystem::path folder;  ///< for the recordings
};

/// Hundreds of devices of a real node, doing random things while it is killed and their connections fail; then all of
/// them come to rest and read everything. The recordings are left for the checker. Decisions come from the seed; what
/// the machine does in between does not.
class chat_run {
public:
  explicit chat_run(const run_options& options);
  ~chat_run();

  /// Throws std::runtime_error on a breach that needs no checker.
  void run();

  [[nodiscard]] const run_figures& figures() const { return figures_; }
  [[nodiscard]] faulty_node& node() { return node_; }

private:
  struct signing_in;

  void sign_in(std::uint32_t number);
  void import_contacts();
  void disturb();
  void crash(std::uint64_t seed);
  void come_to_rest();
  void tick_all();
  void wait(const char* what, std::chrono::seconds patience, const std::function<bool()>& done);

  run_options options_;
  dice dice_;
  run_figures figures_;
  faulty_node node_;
  bench::socket_loop loop_;
  bench::client_target where_;
  std::deque<account_facts> accounts_;
  std::vector<std::shared_ptr<const bench::client_key>> keys_; ///< by account and device
  std::vector<std::unique_ptr<device>> devices_;
};

} // namespace godwit::chat_load
