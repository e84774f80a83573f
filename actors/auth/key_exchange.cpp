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

key_exchange::key_exchange(exchange_services& services, connection_ptr connection)
    : services_(services),
      connection_(std::move(connection)),
      handshakes_(services.server_keys, services.random),
      expiry_([this] { expired(); }) {}

key_exchange::~key_exchange() { end(); }

bool key_exchange::take_slot() {
  if (services_.under_way.fetch_add(1, std::memory_order_relaxed) < services_.under_way_max) {
    return true;
  }
  services_.under_way.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

bool key_exchange::begin() {
  if (under_way_) {
    return true;
  }
  if (!take_slot()) {
    // An honest client follows its question up at once; whoever asks and asks must not keep others out.
    if (services_.begun.empty()) {
      return false;
    }
    services_.begun.front()->expired();
    if (!take_slot()) {
      return false;
    }
  }
  under_way_ = true;
  began_at_ = services_.home.now();
  begun_ = services_.begun.insert(services_.begun.end(), this);
  services_.keys.probe().exchanges.add(1);
  services_.home.arm(expiry_, began_at_ + limits::exchange_begun_ms_max);
  return true;
}

void key_exchange::goes_on() {
  if (begun_) {
    services_.begun.erase(*std::exchange(begun_, std::nullopt));
    services_.home.arm(expiry_, began_at_ + limits::exchange_ms_max);
  }
}

void key_exchange::end() {
  if (std::exchange(under_way_, false)) {
    if (begun_) {
      services_.begun.erase(*std::exchange(begun_, std::nullopt));
    }
    services_.under_way.fetch_sub(1, std::memory_order_relaxed);
    services_.keys.probe().exchanges.add(-1);
    services_.home.disarm(expiry_);
  }
}

bool key_exchange::is_over(account::shared_rate_limiter* limit) const {
  const client_address& from = connection_->address();
  return limit != nullptr && !from.loopback &&
         limit->take(account::rate_key(from.bytes), static_cast<unix_ms>(services_.home.now()));
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
    if (is_over(services_.begun_by_address)) {
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
      if (self == nullptr) {
        return;
      }
      --self->steps_out_;
      if (self->connection_ != nullptr) {
        self->connection_->resume();
        self->step(self->handshakes_.finish(std::move(*held)));
      }
    });
  };
  if (!services_.pool.submit(what, done)) {
    return refuse();
  }
  goes_on();
  ++steps_out_;
  connection_->pause();
}

void key_exchange::commit(std::uint32_t exchange, const mtproto::new_auth_key& key) {
  if (is_over(services_.keys_by_address)) {
    return refuse();
  }
  ++steps_out_;
  connection_->pause();
  services_.keys.create(key, [weak = weak_from_this(), exchange](mtproto::commit_outcome outcome) {
    const auto self = weak.lock();
    if (self == nullptr) {
      return;
    }
    --self->steps_out_;
    if (self->connection_ == nullptr) {
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
