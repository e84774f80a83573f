#include "node/server/node_setting.hpp"

#include <fstream>
#include <iterator>
#include <thread>

#include "config/ip_address.hpp"

namespace godwit::node {

system_config::system_config() {
  set("scheduler.policy", caf::atom("sharing")); // stealing burns processor time when idle
  set("scheduler.max-threads", 1);
  set("logger.verbosity", caf::atom("quiet"));
}

std::size_t loops_for(const config::node_section& section) {
  if (section.loops != 0) {
    return section.loops;
  }
  const unsigned processors = std::thread::hardware_concurrency();
  return processors > 2 ? processors - 1 : 1;
}

edge_options edge_options_for(const config::node_config& config) {
  edge_options out;
  for (const std::string& each : config.listen.proxy_sources) {
    if (const auto network = config::parse_network(each)) {
      out.proxy_sources.push_back(*network);
    }
  }
  out.connections_max = config.limits.connections;
  out.connections_per_address_max = config.limits.connections_per_address;
  out.first_packet_ms = static_cast<std::uint32_t>(config.limits.first_packet_seconds * 1000);
  out.idle_ms = static_cast<std::uint32_t>(config.limits.idle_seconds * 1000);
  return out;
}

actors::gateway_options gateway_options_for(const config::node_config& config) {
  actors::gateway_options out;
  out.address.address = config.dc.address;
  out.address.port = static_cast<std::uint16_t>(config.dc.port != 0 ? config.dc.port : config.listen.port);
  out.address.country = config.dc.country;
  out.handshake_threads = static_cast<unsigned>(config.limits.handshake_threads);
  out.handshakes_waiting_max = config.limits.handshakes_waiting;
  out.exchanges_per_address_minute = static_cast<std::uint32_t>(config.limits.handshakes_per_address_minute);
  out.calls_per_session_second = static_cast<std::uint32_t>(config.limits.calls_per_session_second);
  out.calls_per_account_second = static_cast<std::uint32_t>(config.limits.calls_per_account_second);
  return out;
}

std::string text_of_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

} // namespace godwit::node
