#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "actors/account/account_options.hpp"
#include "actors/session/session_services.hpp"
#include "config/limits.hpp"
#include "protocol/crypto/random.hpp"
#include "protocol/mtproto/handshake/server_handshake.hpp"

namespace godwit::actors {

/// What a gateway is made with.
struct gateway_options {
  /// The server's RSA keys, in the order in which clients are offered them.
  mtproto::server_keys server_keys;
  std::shared_ptr<const account::account_options> accounts;
  cluster_address address;
  /// Outlives the gateway.
  crypto::random_source* random = &crypto::system_random();

  /// Threads for key exchanges, and steps that may wait for them; 0 threads: handshake_pool::default_threads().
  unsigned handshake_threads = 0;
  std::size_t handshakes_waiting_max = 512;
  /// Key exchanges that one address may begin in a minute, and at once, and keys that it may make in a day: one
  /// that nobody logs in with is kept for a day. The loopback is free. 0: no bound.
  std::uint32_t exchanges_per_address_minute = 300;
  std::uint32_t keys_per_address_day = limits::keys_per_address_day;

  /// Calls in the long run; what may come at once stands in the table of rates.
  std::uint32_t calls_per_session_second = account::rates::session_calls.per_period;
  std::uint32_t calls_per_account_second = account::rates::account_calls.per_period;

  std::uint32_t exchanges_max = limits::exchanges_max;
  std::size_t sessions_max = limits::sessions_max;
  std::size_t sessions_per_key_max = limits::sessions_per_key_max;
  std::size_t lingering_sessions_max = limits::lingering_sessions_max;
  std::size_t lingering_bytes_max = limits::lingering_bytes_max;
  std::size_t keys_cached_max = limits::keys_cached_max;
};

} // namespace godwit::actors
