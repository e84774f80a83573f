#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cluster/peer/envelope_batch.hpp"
#include "cluster/peer/peer_greeting.hpp"
#include "tests/cluster/peer/sim_network.hpp"

namespace godwit::test {

/// The other end of a hub's connection, in the hands of a test: says what it is told to, and keeps what it hears.
class raw_peer final : public cluster::peer_connection_listener {
public:
  /// Dials, or takes what is dialled to its host: the last connection is the one it speaks on.
  explicit raw_peer(sim_host& host) : host_(host) {
    host_.take_with([this](auto connection, auto, node_id) {
      connection_ = std::move(connection);
      connection_->listen(*this);
      opened(persistence::no_node);
    });
  }
  ~raw_peer() override {
    if (host_.alive()) {
      host_.take_with(nullptr);
    }
  }

  void dial(const cluster::peer_address& to) {
    open_ = false;
    closed_.reset();
    heard_.clear();
    connection_ = host_.dial(to, cluster::peer_stream::control, persistence::no_node, *this);
  }
  void drop() {
    connection_.reset();
    open_ = false;
  }

  void opened(node_id) override {
    open_ = true;
    closed_.reset();
    heard_.clear();
  }
  void received(persistence::slice frame) override { heard_.emplace_back(frame.view()); }
  void closed(const std::string& why) override {
    closed_ = why;
    open_ = false;
  }

  void say(std::string frame) { connection_->send(std::move(frame)); }
  void say(const cluster::peer_hello& what) {
    say(cluster::lone_envelope(cluster::envelope_kind::hello, cluster::encode_hello(what)));
  }
  void say(const cluster::peer_beat& what) {
    say(cluster::lone_envelope(cluster::envelope_kind::beat, cluster::encode_beat(what)));
  }

  [[nodiscard]] bool open() const { return open_; }
  [[nodiscard]] bool was_closed() const { return closed_.has_value(); }
  [[nodiscard]] const std::vector<std::string>& heard() const { return heard_; }
  /// What of one kind of hello it was told last on this connection.
  template <class Hello>
  [[nodiscard]] std::optional<Hello> told() const {
    std::optional<Hello> last;
    for (const std::string& frame : heard_) {
      cluster::envelope_reader reader(persistence::slice::copy_of(frame));
      const auto first = reader.next();
      if (first && first->kind == static_cast<std::uint8_t>(cluster::envelope_kind::hello)) {
        const auto says = cluster::decode_hello(first->body.view());
        if (says && std::holds_alternative<Hello>(*says)) {
          last = std::get<Hello>(*says);
        }
      }
    }
    return last;
  }

private:
  sim_host& host_;
  std::unique_ptr<cluster::peer_connection> connection_;
  bool open_ = false;
  std::optional<std::string> closed_;
  std::vector<std::string> heard_;
};

} // namespace godwit::test
