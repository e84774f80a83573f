#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "protocol/crypto/rsa.hpp"
#include "protocol/mtproto/handshake/client_handshake.hpp"
#include "protocol/mtproto/handshake/exchange_crypto.hpp"
#include "protocol/mtproto/handshake/handshake_ids.hpp"
#include "protocol/mtproto/handshake/handshake_jobs.hpp"
#include "protocol/mtproto/handshake/server_handshake.hpp"
#include "protocol/tl/writer.hpp"
#include "tests/protocol/crypto/seeded_random.hpp"

namespace godwit::test {

inline constexpr unix_time server_clock = 1'700'000'000;

/// Two keys, made once: the server offers both.
inline const mtproto::server_keys& keys_of_server() {
  static const mtproto::server_keys keys = std::make_shared<const std::vector<crypto::rsa_private_key>>(
    std::vector{crypto::rsa_private_key::generate().value(), crypto::rsa_private_key::generate().value()});
  return keys;
}

/// A client that knows the server's second key.
inline mtproto::client_handshake_options plain_client() {
  mtproto::client_handshake_options options;
  options.server_keys = {keys_of_server()->at(1).public_key()};
  return options;
}

/// The answer in a step; empty when it is none.
inline std::string answer_in(const mtproto::handshake_result& result) {
  const auto* answer = result ? std::get_if<mtproto::handshake_answer>(&*result) : nullptr;
  return answer == nullptr ? std::string() : answer->body;
}

/// Runs the work in a step and hands it back.
inline mtproto::handshake_result run_work(mtproto::server_handshake& server, mtproto::handshake_result step) {
  auto* work = step ? std::get_if<mtproto::handshake_work>(&*step) : nullptr;
  if (work == nullptr) {
    return step;
  }
  work->run();
  return server.finish(std::move(*work));
}

/// handle() with the work done at once.
inline mtproto::handshake_result drive(mtproto::server_handshake& server, std::string_view query) {
  return run_work(server, server.handle(query, server_clock));
}

/// The client's next query to an answer; empty when there is none.
inline std::string next_query(mtproto::client_handshake& client, std::string_view answer) {
  const auto step = client.handle(answer);
  const auto* query = step ? std::get_if<mtproto::handshake_query>(&*step) : nullptr;
  return query == nullptr ? std::string() : query->body;
}

/// One exchange and every packet of it, up to the key that waits to be committed.
struct exchange {
  seeded_random server_random;
  seeded_random client_random;
  mtproto::server_handshake server;
  mtproto::client_handshake client;
  std::string req_pq;
  std::string res_pq;
  std::string req_dh_params;
  std::string dh_params;
  std::string set_client_dh_params;

  explicit exchange(std::uint64_t seed, mtproto::client_handshake_options options = plain_client())
      : server_random(seed),
        client_random(seed + 1),
        server(keys_of_server(), server_random),
        client(std::move(options), client_random) {}

  /// Each brings the exchange to where the named packet is the server's next.
  exchange& to_req_pq() {
    req_pq = client.start();
    return *this;
  }
  exchange& to_req_dh_params() {
    to_req_pq();
    res_pq = answer_in(drive(server, req_pq));
    req_dh_params = next_query(client, res_pq);
    return *this;
  }
  exchange& to_set_client_dh_params() {
    to_req_dh_params();
    dh_params = answer_in(drive(server, req_dh_params));
    set_client_dh_params = next_query(client, dh_params);
    return *this;
  }
  /// The key that the server wants committed.
  std::optional<mtproto::new_auth_key> to_commit() {
    to_set_client_dh_params();
    return commit_in(drive(server, set_client_dh_params));
  }

  static std::optional<mtproto::new_auth_key> commit_in(const mtproto::handshake_result& result) {
    const auto* commit = result ? std::get_if<mtproto::commit_key>(&*result) : nullptr;
    return commit == nullptr ? std::nullopt : std::optional(commit->key);
  }
};

} // namespace godwit::test
