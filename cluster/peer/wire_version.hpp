#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

namespace godwit::cluster {

/// Versions of what nodes say to one another that a program speaks, both ends included.
struct wire_versions {
  std::uint32_t lowest = 1;
  std::uint32_t newest = 1;

  friend bool operator==(const wire_versions&, const wire_versions&) = default;
};

/// Counts up when a node of before would misread what a node says now. The frames, the envelopes' headers and the
/// hello stay as they are for ever: they are how two nodes find out.
inline constexpr std::uint32_t wire_version_newest = 1;

/// Two neighbouring versions work together, so that the nodes of a cluster can be replaced one after the other.
inline constexpr wire_versions spoken_versions{std::max(wire_version_newest - 1, 1U), wire_version_newest};

/// The newest that both speak.
constexpr std::optional<std::uint32_t> common_version(const wire_versions& a, const wire_versions& b) {
  const std::uint32_t newest = std::min(a.newest, b.newest);
  return newest >= std::max(a.lowest, b.lowest) ? std::optional(newest) : std::nullopt;
}

} // namespace godwit::cluster
