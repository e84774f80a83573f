#pragma once

#include <array>

#include "cluster/base/probe.hpp"
#include "protocol/mtproto/handshake/handshake_types.hpp"

namespace godwit::actors {

/// What the auth part of one loop counted: written there, read by whoever scrapes.
struct auth_probe {
  probe::counter exchanges_started;  ///< queries that begin a key exchange
  probe::counter exchanges_finished; ///< keys committed
  probe::counter exchanges_expired;
  probe::counter exchanges_refused;                ///< beyond a bound: -429
  std::array<probe::counter, 16> exchanges_failed; ///< by handshake_errc
  probe::gauge exchanges;                          ///< under way

  probe::gauge keys_cached;
  probe::counter lookups;
  probe::counter lookups_unknown; ///< authoritative negative answers
  probe::counter lookups_unavailable;
  probe::counter commits_failed;
};

} // namespace godwit::actors
