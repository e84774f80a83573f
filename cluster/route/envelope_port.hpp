#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cluster/peer/peer_hub.hpp"

namespace godwit::cluster {

/// What routing needs of the links to other nodes. As peer_hub, whose words these are.
class envelope_port {
public:
  virtual ~envelope_port() = default;

  virtual void on(envelope_kind what, peer_hub::receiver who) = 0;
  virtual void on_change(peer_hub::listener who) = 0;
  virtual bool send(node_id to, envelope_kind what, const peer_hub::body_writer& write) = 0;
  /// Where there is one queue for all, as send().
  virtual bool send_as(node_id to, envelope_kind what, peer_order, const peer_hub::body_writer& write) {
    return send(to, what, write);
  }
  virtual void refuse(node_id which, std::string_view what) = 0;
  [[nodiscard]] virtual bool up(node_id which) const = 0;
  [[nodiscard]] virtual std::vector<node_id> all_up() const = 0;
  [[nodiscard]] virtual home_loop& loop() const = 0;
};

class hub_port final : public envelope_port {
public:
  /// `hub` outlives it.
  explicit hub_port(peer_hub& hub) : hub_(hub) {}

  void on(envelope_kind what, peer_hub::receiver who) override { hub_.on(what, std::move(who)); }
  void on_change(peer_hub::listener who) override { hub_.on_change(std::move(who)); }
  bool send(node_id to, envelope_kind what, const peer_hub::body_writer& write) override {
    return hub_.send(to, what, write);
  }
  bool send_as(node_id to, envelope_kind what, peer_order how, const peer_hub::body_writer& write) override {
    return hub_.send(to, what, write, how);
  }
  void refuse(node_id which, std::string_view what) override { hub_.refuse(which, what); }
  [[nodiscard]] bool up(node_id which) const override { return hub_.up(which); }
  [[nodiscard]] std::vector<node_id> all_up() const override { return hub_.all_up(); }
  [[nodiscard]] home_loop& loop() const override { return hub_.loop(); }

private:
  peer_hub& hub_;
};

} // namespace godwit::cluster
