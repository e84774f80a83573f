#pragma once

#include <cstdint>
#include <string>

namespace godwit::bench {

/// A port of 127.0.0.1 that nobody listened to a moment ago.
std::uint16_t free_port();

/// What http://127.0.0.1:port/path answers, head and body; empty when nobody does.
std::string http_get(std::uint16_t port, const std::string& path);

} // namespace godwit::bench
