#include "node/edge/edge_probe.hpp"

namespace godwit::node {

std::string_view name_of(close_reason reason) {
  static constexpr std::array<std::string_view, close_reasons> names = {
    "by_client",   "by_session", "framing_error", "http",          "websocket", "first_packet", "known_key",
    "packet_time", "idle",       "slow_reader",   "address_limit", "refused",   "stood_still",  "stopping"};
  return names[static_cast<std::size_t>(reason)];
}

std::string_view name_of(reject_reason reason) {
  static constexpr std::array<std::string_view, reject_reasons> names = {"connections", "address"};
  return names[static_cast<std::size_t>(reason)];
}

} // namespace godwit::node
