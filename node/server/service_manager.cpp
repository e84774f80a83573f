#include "node/server/service_manager.hpp"

#include <cstdint>

#include <systemd/sd-daemon.h>

namespace godwit::node::service_manager {

void ready(const std::string& status) { ::sd_notify(0, ("READY=1\nSTATUS=" + status).c_str()); }

void stopping() { ::sd_notify(0, "STOPPING=1\nSTATUS=Draining"); }

void status(const std::string& text) { ::sd_notify(0, ("STATUS=" + text).c_str()); }

void still_alive() { ::sd_notify(0, "WATCHDOG=1"); }

std::optional<std::chrono::milliseconds> watchdog_interval() {
  std::uint64_t timeout_us = 0;
  if (::sd_watchdog_enabled(0, &timeout_us) <= 0 || timeout_us == 0) {
    return std::nullopt;
  }
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::microseconds(timeout_us)) / 2;
}

} // namespace godwit::node::service_manager
