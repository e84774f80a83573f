#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cluster/base/home_loop.hpp"
#include "cluster/peer/peer_connection.hpp"

namespace godwit::test {

using cluster::peer_address;
using cluster::peer_connection;
using cluster::peer_connection_listener;
using cluster::peer_stream;
using persistence::node_id;

/// Connections between nodes of one test loop: frames arrive in a later job of the loop, in order, until the test
/// breaks the connection. A node's address is its number.
class fake_wires {
public:
  explicit fake_wires(cluster::home_loop& on) : loop(on) {}

  /// Looks at each frame before it leaves, may change it, and answers whether it does: else the connection breaks.
  std::function<bool(node_id from, node_id to, std::string& frame)> on_frame;

  struct wire {
    struct end {
      node_id node;
      peer_connection_listener* hears = nullptr;
    };
    end ends[2]; ///< the dialler's first
    bool open = true;
  };

  using taker = std::function<void(std::unique_ptr<peer_connection>, peer_stream, node_id)>;

  static peer_address address_of(node_id which) { return {"127.0.0.1", static_cast<std::uint16_t>(which.value())}; }

  static void close(const std::shared_ptr<wire>& which) {
    if (!std::exchange(which->open, false)) {
      return;
    }
    for (wire::end& each : which->ends) {
      if (peer_connection_listener* const hears = std::exchange(each.hears, nullptr)) {
        hears->closed("broken");
      }
    }
  }
  void close_all() {
    for (const std::weak_ptr<wire>& each : all) {
      if (const auto alive = each.lock()) {
        close(alive);
      }
    }
    all.clear();
  }

  cluster::home_loop& loop;
  std::map<node_id, taker> takers; ///< nodes that are up
  std::vector<std::weak_ptr<wire>> all;
  std::size_t dialled = 0;
};

class fake_connection final : public peer_connection {
public:
  fake_connection(fake_wires& wires, std::shared_ptr<fake_wires::wire> over, int side)
      : wires_(wires), wire_(std::move(over)), side_(side) {}
  ~fake_connection() override {
    wire_->ends[side_].hears = nullptr;
    wires_.loop.post([wire = wire_] { fake_wires::close(wire); });
  }

  void listen(peer_connection_listener& who) override { wire_->ends[side_].hears = &who; }
  void send(std::string frame) override {
    wires_.loop.post([&wires = wires_, wire = wire_, side = side_, frame = std::move(frame)]() mutable {
      fake_wires::wire::end& to = wire->ends[1 - side];
      if (!wire->open || to.hears == nullptr) {
        return;
      }
      if (wires.on_frame && !wires.on_frame(wire->ends[side].node, to.node, frame)) {
        fake_wires::close(wire);
        return;
      }
      to.hears->received(persistence::slice::adopt(std::move(frame)));
    });
  }
  [[nodiscard]] std::size_t queued_bytes() const override { return 0; }

private:
  fake_wires& wires_;
  std::shared_ptr<fake_wires::wire> wire_;
  int side_;
};

class fake_network final : public cluster::peer_network {
public:
  fake_network(fake_wires& wires, node_id self) : wires_(wires), self_(self) {}
  ~fake_network() override { wires_.takers.erase(self_); }

  std::unique_ptr<peer_connection> dial(const peer_address& to, peer_stream what, node_id,
                                        peer_connection_listener& hears) override {
    ++wires_.dialled;
    auto wire = std::make_shared<fake_wires::wire>();
    wire->ends[0] = {self_, &hears};
    wire->ends[1].node = node_id{to.port};
    wires_.all.push_back(wire);
    wires_.loop.post([&wires = wires_, wire, what] {
      const auto found = wires.takers.find(wire->ends[1].node);
      if (wire->ends[0].hears == nullptr || !wire->open) {
        return;
      }
      if (found == wires.takers.end()) {
        fake_wires::close(wire);
        return;
      }
      found->second(std::make_unique<fake_connection>(wires, wire, 1), what, wire->ends[0].node);
      if (wire->ends[0].hears != nullptr) {
        wire->ends[0].hears->opened(wire->ends[1].node);
      }
    });
    return std::make_unique<fake_connection>(wires_, wire, 0);
  }
  void take_with(taker who) override { wires_.takers[self_] = std::move(who); }

private:
  fake_wires& wires_;
  node_id self_;
};

} // namespace godwit::test
