#include "actors/gateway/gateway_connection.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <utility>

#include "actors/gateway/gateway_loop.hpp"
#include "actors/session/session_messages.hpp"
#include "config/limits.hpp"
#include "protocol/mtproto/message/envelope.hpp"

namespace godwit::actors {

gateway_connection::gateway_connection(gateway_loop& loop, mtproto::connection_id id, connection_ptr connection)
    : loop_(loop), link_(std::make_shared<connection_link>(id, std::move(connection))) {
  loop_.probe().connections.add(1);
}

gateway_connection::~gateway_connection() = default;

void gateway_connection::packet(std::span<std::uint8_t> bytes, bool quick_ack) {
  if (!is_open()) {
    return;
  }
  if (loop_.is_stopping()) {
    // Calls of its sessions may still be answered here.
    return sessions_.empty() ? close() : void();
  }
  if (mtproto::key_of(bytes) == auth_key_id{}) {
    if (exchange_ == nullptr) {
      exchange_ = std::make_shared<key_exchange>(loop_.exchanges(), connection_ptr(link_->connection()));
      if (authenticated_) {
        exchange_->authenticated();
      }
    }
    return exchange_->packet(bytes);
  }
  if (!mtproto::parse_encrypted(bytes)) {
    loop_.probe().packets_malformed.add();
    return close();
  }
  encrypted(mtproto::shared_buffer::copy_of(bytes), quick_ack);
}

void gateway_connection::encrypted(mtproto::shared_buffer bytes, bool quick_ack) {
  const auth_key_id id = mtproto::key_of(bytes.bytes());
  if (!waiting_.empty()) {
    return wait_for_key(id, std::move(bytes), quick_ack);
  }
  if (known_key_ptr key = loop_.keys().cached(id)) {
    check_key(*key);
    loop_.decrypt_later({shared_from_this(), std::move(key), std::move(bytes), quick_ack});
    return;
  }
  wait_for_key(id, std::move(bytes), quick_ack);
}

/// Once for each connection, beside its packets: while the key's shard is away, what is known has to do.
void gateway_connection::check_key(const known_key& key) {
  if (std::exchange(key_checked_, true) || !loop_.keys().is_stale(key)) {
    return;
  }
  loop_.keys().refresh(key.id, [weak = weak_from_this(), id = key.id](key_answer answer, const known_key_ptr&) {
    const auto self = weak.lock();
    if (answer == key_answer::unknown && self != nullptr && self->is_open()) {
      self->loop_.probe().keys_unknown.add();
      self->close(transport_error::auth_key_not_found);
      self->loop_.key_destroyed(id);
    }
  });
}

// --- keys that are not cached ---------------------------------------------------------------------

void gateway_connection::wait_for_key(auth_key_id id, mtproto::shared_buffer bytes, bool quick_ack) {
  waiting_bytes_ += bytes.size();
  if (waiting_.size() >= limits::packets_waiting_for_key_max ||
      (!waiting_.empty() && waiting_bytes_ > limits::packets_waiting_for_key_bytes_max)) {
    loop_.probe().connections_flooded.add();
    return close(transport_error::flood);
  }
  waiting_.push_back({std::move(bytes), quick_ack});
  if (waiting_.size() > 1) {
    return;
  }
  link_->pause();
  loop_.keys().find(id, [weak = weak_from_this()](key_answer answer, const known_key_ptr&) {
    if (const auto self = weak.lock()) {
      self->key_found(answer);
    }
  });
}

void gateway_connection::key_found(key_answer answer) {
  if (!is_open()) {
    return;
  }
  switch (answer) {
  case key_answer::known: {
    link_->resume();
    waiting_bytes_ = 0;
    // A packet of yet another key begins to wait again, and those behind it with it.
    for (waiting_packet& each : std::exchange(waiting_, {})) {
      if (is_open()) {
        encrypted(std::move(each.bytes), each.quick_ack);
      }
    }
    break;
  }
  case key_answer::unknown:
    loop_.probe().keys_unknown.add();
    close(transport_error::auth_key_not_found);
    break;
  case key_answer::unavailable:
    // An error here would make the client throw its login away.
    loop_.probe().keys_unavailable.add();
    close();
    break;
  }
}

// --- the life of a connection ---------------------------------------------------------------------

void gateway_connection::authenticated() {
  if (exchange_ != nullptr) {
    exchange_->authenticated();
    if (exchange_->is_idle()) {
      exchange_ = nullptr; // an idle connection holds no more than it has to
    }
  }
  if (!std::exchange(authenticated_, true)) {
    link_->connection()->authenticated();
  }
}

bool gateway_connection::has_room_for(const session_key& key) const {
  return sessions_.size() < limits::sessions_per_connection_max ||
         std::any_of(sessions_.begin(), sessions_.end(), [&](const joined& each) { return each.key == key; });
}

void gateway_connection::join(const session_key& key, const caf::actor& session) {
  const auto at = std::find_if(sessions_.begin(), sessions_.end(), [&](const joined& each) { return each.key == key; });
  if (at != sessions_.end()) {
    at->session = session;
  } else {
    sessions_.push_back({key, session});
  }
}

void gateway_connection::drain() {
  if (sessions_.empty()) {
    return close();
  }
  if (is_open()) {
    link_->pause();
  }
}

void gateway_connection::close(transport_error why) {
  if (is_open()) {
    link_->connection()->close(why);
    closed();
  }
}

void gateway_connection::send_quick_ack(std::uint32_t token) {
  if (is_open()) {
    link_->connection()->send_quick_ack(token);
  }
}

void gateway_connection::closed() {
  if (!is_open()) {
    return;
  }
  const connection_link_ptr link = std::exchange(link_, nullptr);
  if (exchange_ != nullptr) {
    exchange_->connection_closed();
    exchange_ = nullptr;
  }
  loop_.probe().connections.add(-1);
  loop_.connection_closed(link->id());
  waiting_.clear();
  link->connection_closed();
  for (const joined& each : std::exchange(sessions_, {})) {
    caf::anon_send(each.session, connection_gone{link->id()});
  }
}

void gateway_connection::drained() {
  if (!is_open()) {
    return;
  }
  link_->drained();
  for (const joined& each : sessions_) {
    caf::anon_send(each.session, connection_drained{link_->id()});
  }
}

} // namespace godwit::actors
