#include "cluster/peer/peer_hub.hpp"

#include <utility>

#include "cluster/peer/hub_core.hpp"

namespace godwit::cluster {

struct peer_hub::impl final : hub_core {
  using hub_core::hub_core;
};

peer_hub::peer_hub(home_loop& loop, peer_network& network, options with)
    : impl_(std::make_shared<impl>(loop, network, std::move(with))) {}

peer_hub::~peer_hub() {
  if (impl_->loop().on_loop()) {
    impl_->stop();
  }
}

void peer_hub::on(envelope_kind what, receiver who) {
  impl_->receivers[static_cast<std::uint8_t>(what)] = std::move(who);
}
void peer_hub::on_change(listener who) { impl_->listeners.push_back(std::move(who)); }

void peer_hub::take_bulk(peer_network::taker who) { impl_->bulk = std::move(who); }

void peer_hub::start() {
  impl_->post([](hub_core& hub) { hub.start(); });
}

void peer_hub::stop(std::function<void()> done) {
  impl_->post([done = std::move(done)](hub_core& hub) {
    hub.stop();
    if (done) {
      done();
    }
  });
}

void peer_hub::set_peers(std::vector<peer> peers) {
  impl_->post([peers = std::move(peers)](hub_core& hub) { hub.set_peers(peers); });
}

void peer_hub::set_seeds(std::vector<peer_address> seeds) {
  impl_->post([seeds = std::move(seeds)](hub_core& hub) { hub.set_seeds(seeds); });
}

bool peer_hub::send(node_id to, envelope_kind what, const body_writer& write, peer_order how) {
  return impl_->send(to, what, write, how);
}

bool peer_hub::send(node_id to, envelope_kind what, std::string_view body) {
  return impl_->send(to, what, [body](std::string& out) { out += body; }, {});
}

void peer_hub::refuse(node_id which, std::string_view what) {
  if (impl_->loop().on_loop()) {
    impl_->refuse_link(which, std::string(what));
  } else {
    impl_->post([which, what = std::string(what)](hub_core& hub) { hub.refuse_link(which, what); });
  }
}

bool peer_hub::up(node_id which) const {
  const auto outlet = impl_->outlet(which);
  return outlet != nullptr && outlet->up.load(std::memory_order_acquire);
}

std::uint64_t peer_hub::incarnation(node_id which) const {
  const auto outlet = impl_->outlet(which);
  return outlet != nullptr && outlet->up.load(std::memory_order_acquire)
           ? outlet->incarnation.load(std::memory_order_relaxed)
           : 0;
}

std::vector<node_id> peer_hub::all_up() const { return impl_->all_up(); }
std::vector<peer_status> peer_hub::status() const { return impl_->status(); }
std::vector<peer_status> peer_hub::seeds() const { return impl_->seeds(); }
home_loop& peer_hub::loop() const { return impl_->loop(); }

} // namespace godwit::cluster
