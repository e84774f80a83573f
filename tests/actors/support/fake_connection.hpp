#pragma once

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "actors/base/client_connection.hpp"
#include "cluster/base/home_loop.hpp"

namespace godwit::test {

/// A connection without a socket: what is sent lies in a list, unencrypted, and packets come from the test.
/// Paused, it keeps them; closed, it tells its listener in the next round, as the edge does.
class fake_connection final : public actors::client_connection {
public:
  explicit fake_connection(cluster::home_loop& home) : home_(home) { address_.bytes = {1, 2, 3, 4}; }

  void listen(std::unique_ptr<actors::connection_events> events) override { events_ = std::move(events); }
  void send(actors::outgoing_packet packet) override {
    if (!closed_) {
      unsent_ += packet.bytes.size();
      sent.push_back(std::move(packet));
    }
  }
  void send_quick_ack(std::uint32_t token) override { quick_acks.push_back(token); }
  void close(actors::transport_error why) override {
    if (!std::exchange(closed_, true)) {
      error = why;
      home_.post([self = caf::intrusive_ptr<fake_connection>(this)] { self->hang_up(); });
    }
  }
  void pause() override { ++pauses; }
  void resume() override {
    if (--pauses == 0 && !waiting_.empty()) {
      home_.post([self = caf::intrusive_ptr<fake_connection>(this)] { self->deliver_waiting(); });
    }
  }
  [[nodiscard]] cluster::home_loop& home() const override { return home_; }
  [[nodiscard]] std::size_t unsent_bytes() const override { return stuck ? unsent_ : 0; }
  [[nodiscard]] const actors::client_address& address() const override { return address_; }
  [[nodiscard]] std::string address_text() const override { return "192.0.2.7"; }
  [[nodiscard]] std::string dialled_address() const override { return "198.51.100.1"; }
  void authenticated() override { is_authenticated = true; }

  // --- the client's side ---

  void deliver(std::string bytes, bool quick_ack = false) {
    waiting_.emplace_back(std::move(bytes), quick_ack);
    deliver_waiting();
  }
  /// The client closes.
  void hang_up() {
    closed_ = true;
    if (events_ != nullptr) {
      const auto events = std::exchange(events_, nullptr);
      events->closed();
    }
  }
  /// A client that reads again.
  void read_all() {
    stuck = false;
    unsent_ = 0;
    if (events_ != nullptr) {
      events_->drained();
    }
  }
  /// A client that does not read, for whom so much waits.
  void stop_reading(std::size_t bytes) {
    stuck = true;
    unsent_ = bytes;
  }
  void come_from_loopback() { address_.loopback = true; }
  [[nodiscard]] bool is_closed() const { return closed_; }
  std::vector<actors::outgoing_packet> take_sent() { return std::exchange(sent, {}); }

  std::vector<actors::outgoing_packet> sent;
  std::vector<std::uint32_t> quick_acks;
  actors::transport_error error = actors::transport_error::none;
  int pauses = 0;
  bool stuck = false; ///< the client does not read
  bool is_authenticated = false;

private:
  void deliver_waiting() {
    while (pauses == 0 && !waiting_.empty() && events_ != nullptr && !closed_) {
      auto [bytes, quick_ack] = std::move(waiting_.front());
      waiting_.pop_front();
      events_->packet({reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()}, quick_ack);
    }
  }

  cluster::home_loop& home_;
  std::unique_ptr<actors::connection_events> events_;
  std::deque<std::pair<std::string, bool>> waiting_;
  actors::client_address address_;
  std::size_t unsent_ = 0;
  bool closed_ = false;
};
using fake_connection_ptr = caf::intrusive_ptr<fake_connection>;

} // namespace godwit::test
