// How long clients wait when a node dies: nodes of a cluster are killed in turn while clients write at a steady pace.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "bench/failover_client.hpp"
#include "bench/load/node_cluster.hpp"
#include "bench/load/session_farm.hpp"
#include "tests/chat_load/late_sign_in.hpp"

namespace {

using namespace godwit;
using namespace godwit::bench;
using std::chrono::milliseconds;
using clock_type = socket_loop::clock;

struct options {
  unsigned nodes = 3;
  std::uint32_t clients = 48;
  std::uint32_t kills = 6;
  std::uint32_t pace_ms = 50;
  double settle_seconds = 15;
  double away_seconds = 3;
  double patience_seconds = 30;
  std::filesystem::path folder = std::filesystem::temp_directory_path();
  std::vector<std::string> settings;
};

/// A gap of so many times the pace was noticed.
constexpr int noticed = 4;
constexpr milliseconds tick_time{100};

void print(const char* name, double value) {
  std::printf("%s %.1f\n", name, value);
  std::fflush(stdout);
}

double ms(clock_type::duration time) { return std::chrono::duration<double, std::milli>(time).count(); }

class failover {
public:
  explicit failover(const options& with)
      : with_(with), nodes_({.parent = with.folder, .nodes = with.nodes, .settings = settings(), .wrapper = {}}) {
    for (unsigned node = 1; node <= with.nodes; ++node) {
      targets_.push_back(nodes_.layout().target(node));
      targets_.back().layer = 229;
    }
  }

  int run() {
    try {
      sign_in();
      loop_.run_for(std::chrono::duration<double>(with_.settle_seconds));
      for (std::uint32_t i = 0; i < with_.kills; ++i) {
        kill(1 + i % with_.nodes);
      }
    } catch (const std::exception&) {
      std::fprintf(stderr, "%s\n", nodes_.condition().c_str());
      throw;
    }
    print("failover_p50_ms", quantile(noticed_, 0.5));
    print("failover_p99_ms", quantile(noticed_, 0.99));
    print("failover_max_ms", noticed_.empty() ? 0 : *std::max_element(noticed_.begin(), noticed_.end()));
    print("clients_that_noticed_percent", 100.0 * static_cast<double>(noticed_.size()) / (with_.kills * with_.clients));
    for (const std::string& each : breaches_) {
      std::fprintf(stderr, "BREACH %s\n", each.c_str());
    }
    return breaches_.empty() && !noticed_.empty() ? 0 : 1;
  }

private:
  [[nodiscard]] std::vector<std::string> settings() const {
    std::vector<std::string> all{"auth.codes_per_number_day=10000", "limits.calls_per_session_second=1000",
                                 "limits.calls_per_account_second=1000"};
    all.insert(all.end(), with_.settings.begin(), with_.settings.end());
    return all;
  }

  void sign_in() {
    std::vector<std::unique_ptr<chat_load::late_sign_in>> signing;
    for (std::uint32_t i = 0; i < with_.clients; ++i) {
      signing.push_back(
        std::make_unique<chat_load::late_sign_in>(loop_, targets_, chat_load::late_sign_in::who{i, 0}, i));
    }
    const auto until = clock_type::now() + std::chrono::duration<double>(with_.patience_seconds);
    loop_.run_until([&] {
      std::erase_if(signing, [&](const auto& each) {
        const auto key = each->tick();
        if (key != nullptr) {
          clients_.push_back(
            std::make_unique<failover_client>(loop_, targets_, key, each->device().account, milliseconds(with_.pace_ms),
                                              [this](const std::string& what) { breaches_.push_back(what); }));
        }
        return key != nullptr;
      });
      if (clock_type::now() > until) {
        throw std::runtime_error("clients cannot sign in");
      }
      return signing.empty();
    });
    for (const auto& each : clients_) {
      each->begin();
    }
    tick();
  }

  void tick() {
    for (const auto& each : clients_) {
      each->tick();
    }
    loop_.at(clock_type::now() + tick_time, [this] { tick(); });
  }

  /// One node, and back again.
  void kill(unsigned node) {
    const auto at = clock_type::now();
    nodes_.kill(node);
    loop_.run_for(std::chrono::duration<double>(with_.away_seconds));
    const auto back = clock_type::now();
    if (with_.nodes == 1) {
      nodes_.start(node); // nobody else could take over
    }
    const auto until = at + std::chrono::duration<double>(with_.patience_seconds);
    const auto all_go_on = [&] {
      return std::all_of(clients_.begin(), clients_.end(), [&](const auto& each) {
        return !each->successes().empty() && each->successes().back() > back &&
               clock_type::now() - each->successes().back() < tick_time * noticed;
      });
    };
    loop_.run_until([&] { return all_go_on() || clock_type::now() > until; });
    if (!all_go_on()) {
      breaches_.push_back("a client waits longer than is measured");
    }
    double longest = 0;
    std::size_t count = 0;
    for (const auto& each : clients_) {
      const double gap = ms(each->longest_gap_since(at));
      if (gap > with_.pace_ms * noticed) {
        noticed_.push_back(gap);
        longest = std::max(longest, gap);
        ++count;
      }
    }
    std::fprintf(stderr, "node %u killed: %zu of %zu clients noticed, the longest for %.0f ms\n", node, count,
                 clients_.size(), longest);
    if (with_.nodes > 1) {
      nodes_.start(node);
    }
    nodes_.wait_ready(node);
    loop_.run_for(std::chrono::duration<double>(with_.settle_seconds));
  }

  options with_;
  node_cluster nodes_;
  std::vector<client_target> targets_;
  socket_loop loop_;
  std::vector<std::unique_ptr<failover_client>> clients_;
  std::vector<double> noticed_;
  std::vector<std::string> breaches_;
};

} // namespace

int main(int argc, char** argv) {
  options with;
  CLI::App app{
    "Clients of a cluster's nodes write to themselves at a steady pace while one node after the other is killed with "
    "kill -9 and started again. What one of them notices is the time from its last success to its next one, new "
    "connection included; figures are over all clients that noticed, of all kills. The exit code is 1 when a client is "
    "told that it is logged out, or waits for ever."};
  app.add_option("--nodes", with.nodes, "Nodes of the cluster")->check(CLI::Range(1, 9))->capture_default_str();
  app.add_option("--clients", with.clients, "Accounts, each with one connection")
    ->check(CLI::Range(1, 10'000))
    ->capture_default_str();
  app.add_option("--kills", with.kills, "How many, node after node")->capture_default_str();
  app.add_option("--pace", with.pace_ms, "Milliseconds from one message of a client to its next")
    ->check(CLI::Range(1, 10'000))
    ->capture_default_str();
  app.add_option("--settle", with.settle_seconds, "Seconds for leaders to spread, at first and after each start")
    ->capture_default_str();
  app.add_option("--away", with.away_seconds, "Seconds that a killed node is away at least")->capture_default_str();
  app.add_option("--patience", with.patience_seconds, "Seconds until a client that waits is given up")
    ->capture_default_str();
  app.add_option("--folder", with.folder, "Where the nodes' data goes")->capture_default_str();
  app.add_option("--set", with.settings, "More settings of the nodes, section.key=value");
  CLI11_PARSE(app, argc, argv);
  try {
    return failover(with).run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
