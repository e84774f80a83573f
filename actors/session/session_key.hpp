#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "protocol/ids.hpp"

namespace godwit::actors {

/// Names a session: the key that its packets are encrypted with, and the number the client chose. A session
/// of a temporary key ends with that key.
struct session_key {
  auth_key_id key;
  session_id session;

  friend bool operator==(const session_key&, const session_key&) = default;

  /// Both are spread evenly, one by SHA-1, one by the client's generator, whom nobody has to trust here.
  [[nodiscard]] std::uint64_t hash() const { return key.value() ^ (session.value() * 0x9e3779b97f4a7c15ULL); }
};

} // namespace godwit::actors

template <>
struct std::hash<godwit::actors::session_key> {
  std::size_t operator()(const godwit::actors::session_key& key) const noexcept { return key.hash(); }
};
