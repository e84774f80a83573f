#include "node/edge/connection_budget.hpp"

#include <algorithm>
#include <cstring>

namespace godwit::node {

actors::client_address client_address_of(const config::ip_address& address) {
  actors::client_address client;
  client.bytes = address.bytes;
  client.loopback = address.is_loopback();
  if (!address.is_v4() && !client.loopback) {
    std::fill(client.bytes.begin() + 8, client.bytes.end(), std::uint8_t{0});
  }
  return client;
}

std::size_t connection_budget::hash::operator()(const actors::client_address& address) const noexcept {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::memcpy(&high, address.bytes.data(), sizeof(high));
  std::memcpy(&low, address.bytes.data() + 8, sizeof(low));
  return std::hash<std::uint64_t>{}((high * 0x9e3779b97f4a7c15ULL) ^ low);
}

std::optional<reject_reason> connection_budget::enter(const actors::client_address* address) {
  const std::lock_guard lock(mutex_);
  if (connections_ >= connections_max_) {
    return reject_reason::connections;
  }
  if (address != nullptr) {
    std::uint64_t& count = by_address_[*address];
    if (count >= per_address_max_ && !address->loopback) {
      return reject_reason::address;
    }
    ++count;
  }
  ++connections_;
  return std::nullopt;
}

std::optional<reject_reason> connection_budget::name(const actors::client_address& address) {
  const std::lock_guard lock(mutex_);
  std::uint64_t& count = by_address_[address];
  if (count >= per_address_max_ && !address.loopback) {
    return reject_reason::address;
  }
  ++count;
  return std::nullopt;
}

void connection_budget::leave(const actors::client_address* address) {
  const std::lock_guard lock(mutex_);
  --connections_;
  if (address == nullptr) {
    return;
  }
  const auto found = by_address_.find(*address);
  if (--found->second == 0) {
    by_address_.erase(found);
  }
}

std::uint64_t connection_budget::connections() const {
  const std::lock_guard lock(mutex_);
  return connections_;
}

} // namespace godwit::node
