#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "actors/account/public_addresses.hpp"
#include "actors/account/rate_limits.hpp"
#include "actors/session/session_probe.hpp"
#include "cluster/base/log.hpp"
#include "config/limits.hpp"
#include "protocol/crypto/random.hpp"

namespace godwit::cluster {
class home_loop;
class router;
} // namespace godwit::cluster

namespace godwit::account {
struct account_options;
}

namespace godwit::actors {

class auth_keys;
class session_host;

inline log::component session_log{"session"};

/// What sessions tell their clients of the cluster.
struct cluster_address {
  std::string address; ///< empty: the one that the client dialled
  std::uint16_t port = 4430;
  std::string country = "DE";
  /// Of the nodes that are up, this one among them; null: there is no other.
  std::shared_ptr<const account::public_addresses> nodes;
};

/// The limits on calls, one set for each loop.
struct call_limits {
  call_limits() = default;
  call_limits(std::uint32_t per_session_second, std::uint32_t per_account_second)
      : by_session({account::rates::session_calls.burst, per_session_second, 1}, limits::rate_keys_max),
        by_account({account::rates::account_calls.burst, per_account_second, 1}, limits::rate_keys_max) {}

  account::rate_limiter by_session{account::rates::session_calls, limits::rate_keys_max};
  account::rate_limiter by_account{account::rates::account_calls, limits::rate_keys_max};
  account::rate_limiter by_address{account::rates::anonymous_calls, limits::rate_keys_max};
  account::rate_limiter code_checks{account::rates::code_checks, limits::rate_keys_max};
};

/// What the sessions of one loop share. Outlives them.
struct session_services {
  cluster::home_loop& home;
  cluster::router& router;
  auth_keys& keys;
  session_host& host;
  const account::account_options& accounts;
  const cluster_address& address;
  crypto::random_source& random;
  call_limits limits;
  session_probe probe;
};

} // namespace godwit::actors
