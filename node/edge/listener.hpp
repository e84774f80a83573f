#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "config/ip_address.hpp"
#include "node/edge/edge_loop.hpp"
#include "protocol/expected.hpp"

namespace godwit::node {

struct connection_setting;

/// One address and port that clients connect to. Lives on one loop and deals the connections out to
/// several in turn. Counts what it accepts and refuses in the probe of its own loop.
class listener {
public:
  /// Binds and listens; the error is one line for the operator. `port` 0 takes any. The loops outlive the
  /// listener.
  static expected<listener, std::string> open(const config::ip_address& address, std::uint16_t port, int backlog,
                                              edge_loop& home, std::vector<edge_loop*> loops,
                                              std::shared_ptr<connection_setting> setting);
  /// The first half: the port is this listener's, and nobody is let in yet. Clients are refused.
  static expected<listener, std::string> bind(const config::ip_address& address, std::uint16_t port, edge_loop& home,
                                              std::vector<edge_loop*> loops,
                                              std::shared_ptr<connection_setting> setting);
  /// The second one, once. The error is as that of open().
  expected<void, std::string> begin(int backlog);
  listener(listener&&) noexcept;
  listener& operator=(listener&&) noexcept;
  /// Stops.
  ~listener();

  [[nodiscard]] std::uint16_t port() const;
  /// Accepts nothing more; what was accepted goes on. Not from a loop, and not while loops are being
  /// stopped by another thread.
  void stop();

private:
  class state;
  explicit listener(std::shared_ptr<state> shared);

  std::shared_ptr<state> state_;
};

} // namespace godwit::node
