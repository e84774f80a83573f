#include "actors/session/connection_link.hpp"

#include <utility>

#include "cluster/base/home_loop.hpp"
#include "config/limits.hpp"

namespace godwit::actors {

connection_link::connection_link(mtproto::connection_id id, connection_ptr connection)
    : id_(id),
      home_(connection->home()),
      connection_(std::move(connection)),
      address_(connection_->address()),
      address_text_(connection_->address_text()),
      dialled_address_(connection_->dialled_address()) {}

template <class Job>
void connection_link::run(Job job) {
  if (home_.on_loop()) {
    if (connection_ != nullptr) {
      job(*connection_);
    }
    return;
  }
  home_.post([self = shared_from_this(), job = std::move(job)]() mutable {
    if (self->connection_ != nullptr) {
      job(*self->connection_);
    }
  });
}

void connection_link::send(std::vector<outgoing_packet> packets) {
  std::size_t bytes = 0;
  for (const outgoing_packet& packet : packets) {
    bytes += packet.bytes.size();
  }
  unsent_.fetch_add(bytes, std::memory_order_relaxed);
  run([this, packets = std::move(packets)](client_connection& connection) mutable {
    for (outgoing_packet& packet : packets) {
      connection.send(std::move(packet));
    }
    unsent_.store(connection.unsent_bytes(), std::memory_order_relaxed);
  });
}

void connection_link::close(transport_error why) {
  run([why](client_connection& connection) { connection.close(why); });
}

void connection_link::pause() {
  run([](client_connection& connection) { connection.pause(); });
}

void connection_link::resume() {
  run([](client_connection& connection) { connection.resume(); });
}

std::size_t connection_link::room() const {
  const std::size_t unsent =
    home_.on_loop() && connection_ != nullptr ? connection_->unsent_bytes() : unsent_.load(std::memory_order_relaxed);
  return unsent < limits::connection_unsent_bytes_max ? limits::connection_unsent_bytes_max - unsent : 0;
}

void connection_link::connection_closed() { connection_ = nullptr; }

} // namespace godwit::actors
