#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "cluster/base/entity.hpp"
#include "protocol/ids.hpp"

namespace godwit::actors {

/// Names a session: the key that its packets are encrypted with, and the number the client chose. A session
/// of a temporary key ends with that key.
struct session_key {
  auth_key_id key;
  session_id session;

  friend bool operator==(const session_key&, const session_key&) = default;

  /// Seeded, for clients choose both numbers. Not the same in another process.
  [[nodiscard]] std::uint64_t hash() const {
    return cluster::seeded_hash(key.value() ^ cluster::seeded_hash(session.value()));
  }
};

} // namespace godwit::actors

template <>
struct std::hash<godwit::actors::session_key> {
  std::size_t operator()(const godwit::actors::session_key& key) const noexcept { return key.hash(); }
};
