#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace godwit::node {

/// What systemd is told when the process is a service of Type=notify; without systemd nothing happens.
namespace service_manager {

void ready(const std::string& status);
void stopping();
void status(const std::string& text);
void still_alive();

/// How often still_alive has to be called; nothing when the unit has no WatchdogSec.
std::optional<std::chrono::milliseconds> watchdog_interval();

} // namespace service_manager

} // namespace godwit::node
