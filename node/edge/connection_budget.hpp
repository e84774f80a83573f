#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "actors/base/client_connection.hpp"
#include "config/ip_address.hpp"
#include "node/edge/edge_probe.hpp"

namespace godwit::node {

/// The client's address as limits per address see it.
actors::client_address client_address_of(const config::ip_address& address);

/// How many connections there may be, in all and of one address; loopback has a bound in all only. Any thread.
class connection_budget {
public:
  connection_budget(std::uint64_t connections_max, std::uint64_t per_address_max)
      : connections_max_(connections_max), per_address_max_(per_address_max) {}

  /// Counts a connection, or says why it is one too many. Without an address, one that is not known yet.
  std::optional<reject_reason> enter(const actors::client_address* address);
  /// The address of a connection that was counted without one.
  std::optional<reject_reason> name(const actors::client_address& address);
  void leave(const actors::client_address* address);

  [[nodiscard]] std::uint64_t connections() const;

private:
  struct hash {
    std::size_t operator()(const actors::client_address& address) const noexcept;
  };

  const std::uint64_t connections_max_;
  const std::uint64_t per_address_max_;
  mutable std::mutex mutex_;
  std::uint64_t connections_ = 0;
  std::unordered_map<actors::client_address, std::uint64_t, hash> by_address_;
};

} // namespace godwit::node
