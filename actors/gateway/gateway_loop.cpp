#include "actors/gateway/gateway_loop.hpp"

#include <caf/actor_system.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <array>
#include <utility>

#include "actors/auth/auth_actor.hpp"
#include "actors/session/session_actor.hpp"
#include "cluster/base/home_loop.hpp"
#include "protocol/crypto/hash.hpp"
#include "protocol/mtproto/message/envelope.hpp"

namespace godwit::actors {
namespace {

inline log::component gateway_log{"gateway"};

/// The edge's view of a connection ends here: what it tells goes to the gateway's own object, which may be
/// waited for by lookups and key exchanges when the connection is long gone.
class connection_port final : public connection_events {
public:
  explicit connection_port(std::shared_ptr<gateway_connection> to) : to_(std::move(to)) {}
  void packet(std::span<std::uint8_t> bytes, bool quick_ack) override { to_->packet(bytes, quick_ack); }
  void closed() override { to_->closed(); }
  void drained() override { to_->drained(); }

private:
  std::shared_ptr<gateway_connection> to_;
};

/// The first 32 bits of the hash that msg_key is the middle of, with the highest bit set.
/// Source: https://core.telegram.org/mtproto/mtproto-transports#quick-ack
std::uint32_t quick_ack_token(const crypto::auth_key& key, std::span<const std::uint8_t> plaintext) {
  constexpr std::size_t key_part_offset = 88; // of messages from the client
  constexpr std::size_t key_part_bytes = 32;
  const crypto::sha256_hash hash =
    crypto::sha256({std::span(key.bytes).subspan(key_part_offset, key_part_bytes), plaintext});
  std::uint32_t token = 0;
  for (std::size_t i = 0; i < sizeof(token); ++i) {
    token |= static_cast<std::uint32_t>(hash[i]) << (8 * i);
  }
  return token | 0x80000000U;
}

/// So many in a time for each address; null for 0.
std::unique_ptr<account::shared_rate_limiter> by_address(std::uint32_t count, std::uint32_t seconds) {
  if (count == 0) {
    return nullptr;
  }
  const account::rate rule{.burst = count, .per_period = count, .period_seconds = seconds};
  return std::make_unique<account::shared_rate_limiter>(rule, limits::rate_keys_max);
}

} // namespace

gateway_shared::gateway_shared(gateway_options with, cluster::router& to)
    : options(std::move(with)),
      router(to),
      directory({.sessions_max = options.sessions_max, .per_key_max = options.sessions_per_key_max}),
      pool(options.handshake_threads == 0 ? handshake_pool::default_threads() : options.handshake_threads,
           options.handshakes_waiting_max),
      exchanges_by_address(by_address(options.exchanges_per_address_minute, 60)),
      keys_by_address(by_address(options.keys_per_address_day, 86'400)) {}

gateway_loop::gateway_loop(gateway_shared& shared, cluster::home_loop& home)
    : shared_(shared),
      home_(home),
      keys_(std::make_shared<auth_keys>(home, shared.router, shared.options.keys_cached_max)),
      exchanges_{home,
                 *keys_,
                 shared.pool,
                 shared.options.server_keys,
                 *shared.options.random,
                 shared.exchanges,
                 shared.options.exchanges_max,
                 shared.exchanges_by_address.get(),
                 shared.keys_by_address.get(),
                 {}},
      services_{home,
                shared.router,
                *keys_,
                *this,
                *shared.options.accounts,
                shared.options.address,
                *shared.options.random,
                {shared.options.calls_per_session_second, shared.options.calls_per_account_second},
                {}} {}

gateway_loop::~gateway_loop() = default;

caf::actor gateway_loop::spawn_auth() { return home_.system().spawn<auth_actor>(home_, keys_); }

void gateway_loop::accepted(connection_ptr connection) {
  if (is_stopping() || !shared_.open.load()) {
    return connection->close();
  }
  const mtproto::connection_id id(shared_.last_connection.fetch_add(1, std::memory_order_relaxed) + 1);
  client_connection& taken = *connection;
  auto made = std::make_shared<gateway_connection>(*this, id, std::move(connection));
  connections_.emplace(id, made);
  taken.listen(std::make_unique<connection_port>(std::move(made)));
}

// --- packets --------------------------------------------------------------------------------------

void gateway_loop::decrypt_later(closed_packet packet) {
  batch_.push_back(std::move(packet));
  if (!std::exchange(batch_posted_, true)) {
    home_.post([this] { decrypt_batch(); });
  }
}

void gateway_loop::decrypt_batch() {
  batch_posted_ = false;
  for (std::size_t at = 0; at < batch_.size(); at += limits::decrypt_batch_max) {
    decrypt_chunk(at, std::min(at + limits::decrypt_batch_max, batch_.size()));
  }
  batch_.clear();
}

void gateway_loop::decrypt_chunk(std::size_t from, std::size_t to) {
  std::array<crypto::cipher_job, limits::decrypt_batch_max> jobs;
  std::size_t count = 0;
  for (std::size_t i = from; i < to; ++i) {
    jobs[count++] = mtproto::parse_encrypted(batch_[i].bytes.bytes())->job(*batch_[i].key->key, crypto::sender::client);
  }
  crypto::decrypt(std::span(jobs).first(count));
  std::vector<delivery> deliveries;
  deliveries.reserve(count);
  for (std::size_t i = from; i < to; ++i) {
    closed_packet& packet = batch_[i];
    // What was read before a stop and not begun is for the next node: its client says it again there.
    if (!packet.from->is_open() || draining_) {
      continue;
    }
    if (!jobs[i - from].good) {
      // Nothing tells the client what was wrong (security guidelines, "Mismatched msg_key").
      probe_.packets_wrong_key.add();
      close(*packet.from, deliveries);
      continue;
    }
    deliver(packet, deliveries);
  }
  send(deliveries);
}

void gateway_loop::send(std::vector<delivery>& deliveries) {
  for (delivery& each : std::exchange(deliveries, {})) {
    caf::anon_send(each.to, std::move(each.packets));
  }
}

void gateway_loop::close(gateway_connection& which, std::vector<delivery>& deliveries, transport_error why) {
  // Its sessions hear of its end, and what it brought must not come behind that: they would wait for the end
  // of a connection that is gone.
  send(deliveries);
  which.close(why);
}

void gateway_loop::deliver(closed_packet& packet, std::vector<delivery>& deliveries) {
  const mtproto::buffer_slice plaintext = mtproto::buffer_slice(packet.bytes).part(mtproto::outer_header_bytes);
  auto message = mtproto::parse_inner(plaintext);
  if (!message) {
    probe_.packets_broken.add();
    return close(*packet.from, deliveries);
  }
  probe_.packets.add();
  packet.from->authenticated();
  if (packet.quick_ack) {
    packet.from->send_quick_ack(quick_ack_token(*packet.key->key, plaintext.bytes()));
  }
  const session_key key{packet.key->id, message->session};
  // Asked before: a session that is begun must get its packet, or it would never end.
  const caf::actor to = packet.from->has_room_for(key) ? session_for(key, packet.key) : caf::actor();
  if (!to) {
    probe_.sessions_refused.add();
    return close(*packet.from, deliveries, is_stopping() ? transport_error::none : transport_error::flood);
  }
  packet.from->join(key, to);
  const auto at =
    std::find_if(deliveries.begin(), deliveries.end(), [&](const delivery& each) { return each.to == to; });
  delivery& mine = at != deliveries.end() ? *at : deliveries.emplace_back(delivery{to, {}});
  mine.packets.packets.push_back({packet.from->link(), std::move(*message)});
}

caf::actor gateway_loop::session_for(const session_key& key, const known_key_ptr& with) {
  if (const auto at = sessions_.find(key); at != sessions_.end()) {
    return at->second.actor;
  }
  if (is_stopping()) {
    return {};
  }
  const auto make = [&] { return home_.system().spawn<session_actor>(home_, services_, with, key.session); };
  session_directory::answer found = shared_.directory.find_or_make(key, make);
  if (found.evicted) {
    probe_.sessions_evicted.add();
    forget(found.evicted_key, found.evicted);
    caf::anon_send(found.evicted, session_end{});
  }
  if (found.made) {
    sessions_[key].actor = found.session;
  }
  return std::move(found.session);
}

// --- sessions -------------------------------------------------------------------------------------

void gateway_loop::session_started(session& which) {
  if (const auto at = sessions_.find(which.key()); at != sessions_.end() && at->second.actor == which.self()) {
    at->second.view = &which;
  }
}

void gateway_loop::session_ended(const session_key& key, const caf::actor& who, bool failed) {
  if (failed) {
    static log::site site{};
    log::warning(site, gateway_log, "session_failed", {{"key", key.key}});
  }
  shared_.directory.remove(key, who);
  if (const auto at = sessions_.find(key); at != sessions_.end() && at->second.actor == who) {
    sessions_.erase(at);
  }
}

void gateway_loop::session_lingers(session& which, std::size_t memory_bytes) {
  const auto at = sessions_.find(which.key());
  if (at == sessions_.end() || at->second.view != &which) {
    return;
  }
  live_session& entry = at->second;
  lingering_bytes_ = lingering_bytes_ - std::exchange(entry.lingering_bytes, memory_bytes) + memory_bytes;
  if (entry.lingers == 0) {
    entry.lingers = ++last_lingering_;
    lingering_.emplace(last_lingering_, which.key());
    shared_.directory.set_lingering(which.key(), true);
  }
  evict();
}

void gateway_loop::evict() {
  while (lingering_.size() > shared_.options.lingering_sessions_max ||
         (lingering_bytes_ > shared_.options.lingering_bytes_max && !lingering_.empty())) {
    session& oldest = *sessions_.at(lingering_.begin()->second).view;
    probe_.sessions_evicted.add();
    caf::anon_send(oldest.self(), session_end{});
    session_leaves(oldest);
  }
  services_.probe.lingering.set(static_cast<std::int64_t>(lingering_.size()));
  services_.probe.lingering_bytes.set(static_cast<std::int64_t>(lingering_bytes_));
}

void gateway_loop::session_lingers_no_more(session& which) {
  const auto at = sessions_.find(which.key());
  if (at == sessions_.end() || at->second.view != &which || at->second.lingers == 0) {
    return;
  }
  lingering_.erase(std::exchange(at->second.lingers, 0));
  lingering_bytes_ -= std::exchange(at->second.lingering_bytes, 0);
  shared_.directory.set_lingering(which.key(), false);
  services_.probe.lingering.set(static_cast<std::int64_t>(lingering_.size()));
  services_.probe.lingering_bytes.set(static_cast<std::int64_t>(lingering_bytes_));
}

void gateway_loop::session_leaves(session& which) {
  session_lingers_no_more(which);
  shared_.directory.remove(which.key(), which.self());
  if (const auto at = sessions_.find(which.key()); at != sessions_.end() && at->second.view == &which) {
    sessions_.erase(at);
  }
}

void gateway_loop::forget(const session_key& key, const caf::actor& who) {
  // From here on a packet begins a new session, and does not go to one that is about to end.
  const auto at = sessions_.find(key);
  if (at == sessions_.end() || at->second.actor != who) {
    return;
  }
  if (at->second.view != nullptr) {
    session_lingers_no_more(*at->second.view);
  }
  sessions_.erase(key);
}

bool gateway_loop::session_returns(session& which) {
  if (draining_ || !shared_.directory.put(which.key(), which.self())) {
    return false;
  }
  live_session& entry = sessions_[which.key()];
  entry.actor = which.self();
  entry.view = &which;
  return true;
}

bool gateway_loop::destroy_session(const session_key& which) {
  const caf::actor session = shared_.directory.find(which);
  if (!session) {
    return false;
  }
  shared_.directory.remove(which, session);
  forget(which, session);
  caf::anon_send(session, session_end{.close_connections = false});
  return true;
}

void gateway_loop::key_destroyed(auth_key_id key) { shared_.key_destroyed(key); }

void gateway_loop::end_key(auth_key_id key) {
  keys_->drop(key);
  for (const auto& [name, entry] : sessions_) {
    if (entry.view != nullptr && entry.view->is_of(key)) {
      keys_->drop(name.key);
      caf::anon_send(entry.actor, session_end{});
    }
  }
}

std::vector<std::shared_ptr<gateway_connection>> gateway_loop::open_connections() const {
  std::vector<std::shared_ptr<gateway_connection>> made;
  for (const auto& [id, weak] : connections_) {
    if (auto each = weak.lock()) {
      made.push_back(std::move(each));
    }
  }
  return made;
}

void gateway_loop::drain() {
  if (std::exchange(draining_, true)) {
    return;
  }
  for (const auto& each : open_connections()) {
    each->drain();
  }
  for (const auto& [name, entry] : sessions_) {
    caf::anon_send(entry.actor, session_drain{});
  }
  shared_.loops_draining.fetch_add(1);
}

void gateway_loop::close_if_shut() {
  if (!shared_.open.load()) {
    close_connections();
  }
}

void gateway_loop::close_connections() {
  for (const auto& each : open_connections()) {
    each->close();
  }
}

void gateway_loop::end_all() {
  for (const auto& [name, entry] : sessions_) {
    caf::anon_send(entry.actor, session_end{});
  }
  // Behind the last words of their sessions.
  home_.post([this] {
    for (const auto& each : open_connections()) {
      each->close();
    }
  });
}

std::vector<session_info> gateway_loop::sessions() const {
  std::vector<session_info> made;
  for (const auto& [name, entry] : sessions_) {
    if (made.size() >= limits::sessions_listed_max) {
      break;
    }
    if (entry.view != nullptr) {
      made.push_back(entry.view->info());
    }
  }
  return made;
}

} // namespace godwit::actors
