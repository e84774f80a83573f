#pragma once

#include <chrono>
#include <memory>

namespace godwit::node {

class control_commands;
class node;
struct identity;
struct located;

/// The commands every node answers: health, config, key, log-level, snapshot. Everything named outlives
/// the object.
class standard_commands {
public:
  standard_commands(control_commands& into, node& of, const located& where, const identity& who);
  ~standard_commands();
  standard_commands(const standard_commands&) = delete;
  standard_commands& operator=(const standard_commands&) = delete;

  /// Waits for a snapshot under way and takes no further one. Before the node stops.
  void finish();

private:
  struct snapshot_worker;
  std::shared_ptr<snapshot_worker> snapshots_;
};

} // namespace godwit::node
