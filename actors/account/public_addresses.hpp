#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace godwit::account {

/// Where clients reach a node.
struct dc_address {
  std::string address; ///< a number, no name
  std::uint16_t port = 4430;

  friend bool operator==(const dc_address&, const dc_address&) = default;
};

/// More nodes than these are not told to one client.
inline constexpr std::size_t told_addresses_max = 16;

/// The public addresses of the nodes that are up, as help.getConfig tells them. Replaced whole; from every thread.
class public_addresses {
public:
  using list = std::vector<dc_address>;

  void set(list now_up) {
    auto made = std::make_shared<const list>(std::move(now_up));
    const std::lock_guard lock(mutex_);
    list_.swap(made);
  }
  [[nodiscard]] std::shared_ptr<const list> get() const {
    const std::lock_guard lock(mutex_);
    return list_;
  }

private:
  mutable std::mutex mutex_;
  std::shared_ptr<const list> list_ = std::make_shared<const list>();
};

/// What one client is told, in this order: the node that it dialled, then the others. Most clients take the first
/// address of their DC, some go through all: `seed` spreads those that have to leave their node over the rest.
std::vector<dc_address> addresses_for(const dc_address& dialled, const public_addresses::list& up, std::uint64_t seed);

} // namespace godwit::account
