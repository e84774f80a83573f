#pragma once

#include <cstdint>
#include <string>

namespace godwit::bench {

/// A port that nobody listened to a moment ago on any address of this machine.
std::uint16_t free_port();

/// What http://127.0.0.host:port/path answers, head and body; empty when nobody does within a second or two.
std::string http_get(std::uint16_t port, const std::string& path, std::uint32_t host = 1);

/// The sum of a metric over its labels, as /metrics there says it; or the one with the labels that `name` ends with. 0
/// when nobody answers.
double metric_at(std::uint16_t port, const std::string& name, std::uint32_t host = 1);

} // namespace godwit::bench
