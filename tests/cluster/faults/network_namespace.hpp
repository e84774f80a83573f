#pragma once

#include <functional>
#include <optional>
#include <string>

namespace godwit::cluster_faults {

/// A network of its own on this machine: interfaces, routes and sockets. Gone when nobody holds it and no process is in
/// it.
class network_namespace {
public:
  /// The one that this thread is in. Throws std::runtime_error, as everything here.
  static network_namespace current();
  /// A new one, whose loopback is down. The thread stays where it was.
  static network_namespace make();

  network_namespace(network_namespace&& other) noexcept;
  network_namespace& operator=(network_namespace&&) = delete;
  ~network_namespace();

  /// For programs that take a name; as long as the object lives, in this process and in those that it starts.
  [[nodiscard]] std::string path() const;

private:
  friend class inside_namespace;
  explicit network_namespace(int file) : file_(file) {}
  int file_;
};

/// While it lives this thread, and what it starts, is in a namespace; sockets that were made elsewhere stay there. The
/// process ends where there is no way back.
class inside_namespace {
public:
  explicit inside_namespace(const network_namespace& which);
  ~inside_namespace();
  inside_namespace(const inside_namespace&) = delete;
  inside_namespace& operator=(const inside_namespace&) = delete;

private:
  network_namespace before_;
};

/// Moves the process into a user and a network namespace of its own, in which it may make networks: for ever, and only
/// while it has one thread. `attempt` is first done in a child that does the same, and says by an exception that it is
/// of no use; then nothing has happened. Yields why not; nothing: it is there.
std::optional<std::string> enter_own_network(const std::function<void()>& attempt);

/// Runs the commands of iproute2's `ip`, one on each line, in the namespace of this thread. Throws std::runtime_error
/// with what it says.
void run_ip(const std::string& commands);
/// Writes a setting of the kernel, below /proc/sys/net, for the namespace of this thread.
void set_sysctl(const std::string& name, const std::string& value);

} // namespace godwit::cluster_faults
