#include "actors/auth/key_exchange.hpp"

#include <utility>
#include <variant>

#include "cluster/base/home_loop.hpp"
#include "config/limits.hpp"
#include "protocol/mtproto/message/envelope.hpp"
#include "protocol/tl/reader.hpp"

namespace godwit::actors {
namespace {

constexpr std::uint32_t req_pq = 0x60469778;
constexpr std::uint32_t req_pq_multi = 0xbe7e8ef1;
/// Some clients acknowledge even here, where nothing is to be acknowledged.
constexpr std::uint32_t msgs_ack = 0x62d6b459;

} // namespace

std::unique_ptr<account::rate_limiter> exchange_rate(std::uint32_t per_minute) {
  if (per_minute == 0) {
    return nullptr;
  }
  const account::rate rule{.burst = per_minute, .per_period = per_minute, .period_seconds = 60};
  return std::make_unique<account::rate_limiter>(rule, limits::rate_keys_max);
}

key_exchange::key_exchange(exchange_services& services, connection_ptr connection)
    : services_(services),
      connection_(std::move(connection)),
      handshakes_(services.server_keys, services.random),
      expiry_([this] { expired(); }) {}

key_exchange::~key_exchange() { end(); }

bool key_exchange::begin() {
  if (under_way_) {
    return true;
  }
  if (services_.under_way.fetch_add(1, std::memory_order_relaxed) >= services_.under_way_max) {
    services_.under_way.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  under_way_ = true;
  services_.keys.probe().exchanges.add(1);
  services_.home.arm(expiry_, services_.home.now() + limits::exchange_ms_max);
  return true;
}

void key_exchange::end() {
  if (std::exchange(under_way_, false)) {
    services_.under_way.fetch_sub(1, std::memory_order_relaxed);
    services_.keys.probe().exchanges.add(-1);
    services_.home.disarm(expiry_);
  }
}

void key_exchange::packet(std::span<const std::uint8_t> packet) {
  if (connection_ == nullptr) {
    return;
  }
  const auto plain = mtproto::parse_plain(packet);
  if (!plain) {
    return fail(mtproto::handshake_errc::malformed);
  }
  const std::uint32_t constructor = tl::reader(plain->body).peek_id();
  if (constructor == msgs_ack) {
    return;
  }
  if (!begin()) {
    return refuse();
  }
  if (constructor == req_pq || constructor == req_pq_multi) {
    const client_address& from = connection_->address();
    if (services_.by_address != nullptr && !from.loopback &&
        services_.by_address->take(account::rate_key(from.bytes), static_cast<unix_ms>(services_.home.now()))) {
      return refuse();
    }
    services_.keys.probe().exchanges_started.add();
  }
  const std::string_view body(reinterpret_cast<const char*>(plain->body.data()), plain->body.size());
  step(handshakes_.handle(body, services_.home.date()));
}

void key_exchange::step(mtproto::connection_handshakes::result result) {
  if (!result.step) {
    return fail(result.step.error());
  }
  mtproto::handshake_step& what = *result.step;
  if (auto* const answer = std::get_if<mtproto::handshake_answer>(&what)) {
    send(answer->body);
  } else if (auto* const job = std::get_if<mtproto::handshake_work>(&what)) {
    work(std::move(*job));
  } else if (auto* const key = std::get_if<mtproto::commit_key>(&what)) {
    commit(result.exchange, key->key);
  }
}

void key_exchange::work(mtproto::handshake_work what) {
  auto* const home = &services_.home;
  // What is posted must be copyable.
  const auto done = [home, weak = weak_from_this()](mtproto::handshake_work finished) {
    auto held = std::make_shared<mtproto::handshake_work>(std::move(finished));
    home->post([weak, held] {
      const auto self = weak.lock();
      if (self != nullptr && self->connection_ != nullptr) {
        self->connection_->resume();
        self->step(self->handshakes_.finish(std::move(*held)));
      }
    });
  };
  if (!services_.pool.submit(what, done)) {
    return refuse();
  }
  connection_->pause();
}

void key_exchange::commit(std::uint32_t exchange, const mtproto::new_auth_key& key) {
  connection_->pause();
  services_.keys.create(key, [weak = weak_from_this(), exchange](mtproto::commit_outcome outcome) {
    const auto self = weak.lock();
    if (self == nullptr || self->connection_ == nullptr) {
      return;
    }
    self->connection_->resume();
    if (outcome == mtproto::commit_outcome::durable) {
      self->services_.keys.probe().exchanges_finished.add();
    }
    self->step(self->handshakes_.key_committed(exchange, outcome));
    if (outcome != mtproto::commit_outcome::id_taken) {
      self->end();
    }
  });
}

void key_exchange::send(std::string_view body) {
  const msg_id id = ids_.next(services_.home.wall(), mtproto::msg_origin::server_response);
  const std::span bytes(reinterpret_cast<const std::uint8_t*>(body.data()), body.size());
  connection_->send({.bytes = mtproto::make_plain(id, bytes), .key = nullptr});
}

void key_exchange::fail(mtproto::handshake_errc why) {
  auto& failed = services_.keys.probe().exchanges_failed;
  failed[static_cast<std::size_t>(why) % failed.size()].add();
  end();
  // The same for every error: nothing tells a wrong padding from a wrong field. Where a key is in use as well,
  // the client would take -404 for that key's.
  std::exchange(connection_, nullptr)
    ->close(authenticated_ ? transport_error::none : transport_error::auth_key_not_found);
}

void key_exchange::refuse() {
  services_.keys.probe().exchanges_refused.add();
  end();
  std::exchange(connection_, nullptr)->close(transport_error::flood);
}

void key_exchange::expired() {
  services_.keys.probe().exchanges_expired.add();
  end();
  if (!authenticated_) {
    std::exchange(connection_, nullptr)->close();
  }
}

void key_exchange::connection_closed() {
  end();
  connection_ = nullptr;
}

} // namespace godwit::actors
