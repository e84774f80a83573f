#include "protocol/mtproto/handshake/connection_handshakes.hpp"

#include <algorithm>
#include <utility>

#include "config/limits.hpp"

namespace godwit::mtproto {

struct connection_handshakes::exchange {
  std::uint32_t id;
  tl::int128 nonce;
  server_handshake rules;
};

connection_handshakes::connection_handshakes(server_keys keys, crypto::random_source& random)
    : keys_(std::move(keys)), random_(random) {}

connection_handshakes::~connection_handshakes() = default;

connection_handshakes::exchange* connection_handshakes::find(std::uint32_t id) {
  const auto found =
    std::find_if(exchanges_.begin(), exchanges_.end(), [id](const exchange& each) { return each.id == id; });
  return found == exchanges_.end() ? nullptr : &*found;
}

connection_handshakes::result connection_handshakes::handle(std::string_view body, unix_time now) {
  const std::optional<tl::int128> nonce = handshake_nonce(body);
  if (!nonce) {
    return {0, unexpected<handshake_errc>(handshake_errc::malformed)};
  }
  auto found =
    std::find_if(exchanges_.begin(), exchanges_.end(), [&nonce](const exchange& each) { return each.nonce == *nonce; });
  if (found == exchanges_.end()) {
    server_handshake rules(keys_, random_, last_id_ + 1);
    result begun{0, rules.handle(body, now)};
    if (begun.step) {
      if (exchanges_.size() == limits::handshakes_per_connection_max) {
        exchanges_.erase(exchanges_.begin());
      }
      begun.exchange = ++last_id_;
      exchanges_.push_back({last_id_, *nonce, std::move(rules)});
    }
    return begun;
  }
  const std::uint32_t id = found->id;
  return {id, found->rules.handle(body, now)};
}

connection_handshakes::result connection_handshakes::finish(handshake_work work) {
  const auto id = static_cast<std::uint32_t>(work.ticket() >> 32);
  exchange* const found = find(id);
  if (found == nullptr) {
    return {id, handshake_step(nothing_to_do{})};
  }
  return {id, found->rules.finish(std::move(work))};
}

connection_handshakes::result connection_handshakes::key_committed(std::uint32_t id, commit_outcome outcome) {
  exchange* const found = find(id);
  if (found == nullptr) {
    return {id, handshake_step(nothing_to_do{})};
  }
  return {id, found->rules.key_committed(outcome)};
}

std::size_t connection_handshakes::size() const { return exchanges_.size(); }

} // namespace godwit::mtproto
