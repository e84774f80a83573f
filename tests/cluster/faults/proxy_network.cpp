#include <utility>

#include "tests/cluster/faults/link_proxy.hpp"
#include "tests/cluster/faults/node_network.hpp"

namespace godwit::cluster_faults {
namespace {

constexpr std::uint32_t loopback = 0x7f000000;

class proxy_network final : public node_network {
public:
  proxy_network(unsigned nodes, std::uint16_t peer_port, std::uint64_t seed) : settings_(nodes + 1), links_(seed) {
    cut_.assign(nodes + 1, std::vector<bool>(nodes + 1));
    for (unsigned from = 1; from <= nodes; ++from) {
      open_ways(from, nodes, peer_port);
    }
  }

  void set(const network_faults& wanted) override {
    const auto nodes = static_cast<unsigned>(cut_.size() - 1);
    for (unsigned one = 1; one <= nodes; ++one) {
      for (unsigned other = one + 1; other <= nodes; ++other) {
        const bool cut =
          wanted.cut[one][other] || wanted.cut[other][one] || wanted.unplugged[one] || wanted.unplugged[other];
        if (cut != cut_[one][other]) {
          cut ? links_.cut(one, other) : links_.heal(one, other);
          cut_[one][other] = cut;
        }
      }
    }
    // Healing a pair clears its weather, which comes behind it.
    for (unsigned from = 1; from <= nodes; ++from) {
      for (unsigned to = 1; to <= nodes; ++to) {
        if (from != to) {
          links_.set_weather(from, to, wanted.weather[from][to]);
        }
      }
    }
  }

  [[nodiscard]] std::vector<std::string> settings(unsigned node) const override { return settings_[node]; }
  [[nodiscard]] std::unique_ptr<inside_namespace> enter(unsigned /*node*/) const override { return nullptr; }

private:
  /// Each node finds each other one behind a proxy of that pair, and the first one so too when it knows nobody.
  void open_ways(unsigned from, unsigned nodes, std::uint16_t peer_port) {
    std::string fixed;
    for (unsigned to = 1; to <= nodes; ++to) {
      if (from == to) {
        continue;
      }
      const std::string way = "127.0.0.1:" + std::to_string(links_.open(from, to, {loopback + to, peer_port}));
      fixed += (fixed.empty() ? "" : ",") + std::to_string(to) + "=" + way;
      if (to == 1) {
        settings_[from].push_back("peers.seeds=" + way);
      }
    }
    if (!fixed.empty()) {
      settings_[from].push_back("peers.fixed=" + fixed);
    }
  }

  std::vector<std::vector<std::string>> settings_; ///< by node
  std::vector<std::vector<bool>> cut_;             ///< by pair, the lesser number first
  link_proxy links_;
};

} // namespace

std::unique_ptr<node_network> make_proxy_network(unsigned nodes, std::uint16_t peer_port, std::uint64_t seed) {
  return std::make_unique<proxy_network>(nodes, peer_port, seed);
}

} // namespace godwit::cluster_faults
