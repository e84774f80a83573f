#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cluster/base/home_loop.hpp"
#include "cluster/route/envelope_port.hpp"

namespace godwit::test {

/// Links between nodes of one process, without connections: what is sent is posted to the other node's loop. Links go up
/// and down when the test says so; nothing of an earlier link arrives on a later one. Safe from every thread.
class envelope_net {
public:
  using node_id = cluster::node_id;

  class port final : public cluster::envelope_port {
  public:
    port(envelope_net& net, node_id self, cluster::home_loop& loop) : net_(net), self_(self), loop_(loop) {
      const std::lock_guard lock(net_.mutex_);
      net_.ports_[self] = this;
    }
    ~port() override {
      const std::lock_guard lock(net_.mutex_);
      net_.ports_.erase(self_);
    }

    void on(cluster::envelope_kind what, cluster::peer_hub::receiver who) override {
      receivers_[what] = std::move(who);
    }
    void on_change(cluster::peer_hub::listener who) override { listeners_.push_back(std::move(who)); }
    bool send(node_id to, cluster::envelope_kind what, const cluster::peer_hub::body_writer& write) override {
      std::string body;
      write(body);
      return net_.send(self_, to, what, std::move(body));
    }
    void refuse(node_id which, std::string_view) override { net_.refuse(self_, which); }
    [[nodiscard]] bool up(node_id which) const override { return net_.epoch(self_, which) != 0; }
    [[nodiscard]] std::vector<node_id> all_up() const override { return net_.all_up(self_); }
    [[nodiscard]] cluster::home_loop& loop() const override { return loop_; }

  private:
    friend class envelope_net;
    envelope_net& net_;
    const node_id self_;
    cluster::home_loop& loop_;
    std::map<cluster::envelope_kind, cluster::peer_hub::receiver> receivers_;
    std::vector<cluster::peer_hub::listener> listeners_;
  };

  void set_link(node_id a, node_id b, bool on) {
    const std::lock_guard lock(mutex_);
    std::uint64_t& epoch = links_[key(a, b)];
    if ((epoch != 0) == on) {
      return;
    }
    epoch = on ? ++last_epoch_ : 0;
    for (const auto& [self, other] : {std::pair(a, b), std::pair(b, a)}) {
      if (const auto found = ports_.find(self); found != ports_.end()) {
        port* const to = found->second;
        to->loop_.post([to, other = other, on] {
          for (const auto& each : to->listeners_) {
            each(other, on);
          }
        });
      }
    }
  }

  /// Envelopes of that kind are lost from here on; the links are up all the same.
  void lose(cluster::envelope_kind what, bool on = true) {
    const std::lock_guard lock(mutex_);
    on ? (void)lost_.insert(what) : (void)lost_.erase(what);
  }

  /// How often a node refused what another one sent.
  [[nodiscard]] std::uint64_t refused() const {
    const std::lock_guard lock(mutex_);
    return refused_;
  }
  /// Whether that ends the link, as it does outside of tests.
  void refusals_end_links() { refusals_end_links_ = true; }

  /// Sends any bytes.
  bool send(node_id from, node_id to, cluster::envelope_kind what, std::string body) {
    const std::lock_guard lock(mutex_);
    const auto link = links_.find(key(from, to));
    const auto found = ports_.find(to);
    if (link == links_.end() || link->second == 0 || found == ports_.end()) {
      return false;
    }
    ++sent_[what];
    if (lost_.contains(what)) {
      return true;
    }
    port* const at = found->second;
    at->loop_.post([this, at, from, to, what, epoch = link->second, body = std::move(body)]() mutable {
      const auto receiver = at->receivers_.find(what);
      if (this->epoch(from, to) == epoch && receiver != at->receivers_.end()) {
        receiver->second(from, persistence::slice::adopt(std::move(body)));
      }
    });
    return true;
  }

  [[nodiscard]] std::uint64_t sent(cluster::envelope_kind what) const {
    const std::lock_guard lock(mutex_);
    const auto found = sent_.find(what);
    return found == sent_.end() ? 0 : found->second;
  }

private:
  void refuse(node_id self, node_id other) {
    {
      const std::lock_guard lock(mutex_);
      ++refused_;
    }
    if (refusals_end_links_) {
      set_link(self, other, false);
    }
  }
  static std::pair<node_id, node_id> key(node_id a, node_id b) { return a < b ? std::pair(a, b) : std::pair(b, a); }
  [[nodiscard]] std::uint64_t epoch(node_id a, node_id b) const {
    const std::lock_guard lock(mutex_);
    const auto found = links_.find(key(a, b));
    return found == links_.end() ? 0 : found->second;
  }
  [[nodiscard]] std::vector<node_id> all_up(node_id of) const {
    const std::lock_guard lock(mutex_);
    std::vector<node_id> out;
    for (const auto& [ends, epoch] : links_) {
      if (epoch != 0 && (ends.first == of || ends.second == of)) {
        out.push_back(ends.first == of ? ends.second : ends.first);
      }
    }
    return out;
  }

  mutable std::mutex mutex_;
  std::map<node_id, port*> ports_;
  std::map<std::pair<node_id, node_id>, std::uint64_t> links_; ///< 0: down
  std::map<cluster::envelope_kind, std::uint64_t> sent_;
  std::set<cluster::envelope_kind> lost_;
  std::uint64_t last_epoch_ = 0;
  std::uint64_t refused_ = 0;
  bool refusals_end_links_ = false; ///< set before anything is sent
};

} // namespace godwit::test
