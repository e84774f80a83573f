#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include "bench/load/local_ports.hpp"
#include "tests/chat_load/chat_run.hpp"
#include "tests/cluster/faults/faulty_cluster.hpp"
#include "tests/cluster/faults/namespace_network.hpp"

namespace godwit::cluster_faults {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

constexpr milliseconds patience = 20s;
constexpr std::uint16_t port = 4444;
constexpr std::uint32_t first_node = 0x0a4d0001;
constexpr std::uint32_t second_node = 0x0a4d0002;
constexpr std::uint32_t second_for_clients = 0x7f000002;

double seconds_since(clock::time_point then) { return std::chrono::duration<double>(clock::now() - then).count(); }

/// Once for the process: there is no way back. Before anything has a thread.
const std::optional<std::string>& refusal() {
  static const auto why = enter_own_network([] { namespace_network::try_out(3); });
  return why;
}

/// Each case has a router of its own.
class real_network : public ::testing::Test {
protected:
  void SetUp() override {
    if (refusal()) {
      GTEST_SKIP() << "network namespaces cannot be had: " << *refusal();
    }
    router_.emplace(network_namespace::make());
    inside_.emplace(*router_);
  }

private:
  std::optional<network_namespace> router_;
  std::optional<inside_namespace> inside_;
};

/// A socket that blocks.
class end {
public:
  explicit end(int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) : socket_(socket) {}
  end(end&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}
  end& operator=(end&&) = delete;
  ~end() {
    if (socket_ >= 0) {
      ::close(socket_);
    }
  }

  void listen() const {
    const sockaddr_in at = address(INADDR_ANY);
    ASSERT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&at), sizeof(at)), 0);
    ASSERT_EQ(::listen(socket_, 8), 0);
  }
  [[nodiscard]] end accept() const {
    return end(waits(POLLIN, patience) ? ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC) : -1);
  }
  /// 0, or what is wrong; ETIMEDOUT: nothing was heard so long.
  [[nodiscard]] int connect(std::uint32_t to, milliseconds within = patience) const {
    const timeval most{within.count() / 1000, (within.count() % 1000) * 1000};
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof(most));
    const sockaddr_in there = address(to);
    const bool good = ::connect(socket_, reinterpret_cast<const sockaddr*>(&there), sizeof(there)) == 0;
    return good ? 0 : errno == EINPROGRESS ? ETIMEDOUT : errno;
  }
  void say(const std::string& what) const { ::send(socket_, what.data(), what.size(), MSG_NOSIGNAL); }
  /// So many bytes; fewer when nothing more comes in time.
  [[nodiscard]] std::string hear(std::size_t count, milliseconds within = patience) const {
    std::string heard(count, '\0');
    std::size_t size = 0;
    while (size < count && waits(POLLIN, within)) {
      const ssize_t got = ::recv(socket_, heard.data() + size, count - size, 0);
      if (got <= 0) {
        break;
      }
      size += static_cast<std::size_t>(got);
    }
    heard.resize(size);
    return heard;
  }
  /// Whether neither a byte nor an end comes in that time.
  [[nodiscard]] bool is_silent(milliseconds time) const { return !waits(POLLIN, time); }

private:
  [[nodiscard]] bool waits(short what, milliseconds within) const {
    pollfd wanted{socket_, what, 0};
    return ::poll(&wanted, 1, static_cast<int>(within.count())) == 1;
  }
  static sockaddr_in address(std::uint32_t of) {
    sockaddr_in made{};
    made.sin_family = AF_INET;
    made.sin_port = htons(port);
    made.sin_addr.s_addr = htonl(of);
    return made;
  }
  int socket_;
};

end socket_of(const node_network& network, unsigned node) {
  const auto inside = network.enter(node);
  return end();
}

/// Node 1 has dialled node 2.
class two_nodes : public real_network {
protected:
  void SetUp() override {
    real_network::SetUp();
    if (IsSkipped()) {
      return;
    }
    network.emplace(3U, port, 7U);
    listener.emplace(socket_of(*network, 2));
    listener->listen();
    first.emplace(socket_of(*network, 1));
    ASSERT_EQ(first->connect(second_node), 0);
    second.emplace(listener->accept());
    first->say("from 1");
    ASSERT_EQ(second->hear(6), "from 1");
  }

  std::optional<namespace_network> network;
  std::optional<end> listener;
  std::optional<end> first;
  std::optional<end> second;
};

// Goal: what is silent is so in one direction of packets, tells nobody, and TCP's own repetition brings it after the
// healing. Method: a connection that is there, in both directions, and a new one.
TEST_F(two_nodes, SilenceHoldsBytesBackAndTellsNobody) {
  network_faults wanted(3);
  wanted.weather[1][2].silent = true;
  network->set(wanted);
  first->say("held");
  EXPECT_TRUE(second->is_silent(500ms));
  second->say("through"); // though nobody can acknowledge it
  EXPECT_EQ(first->hear(7), "through");
  EXPECT_EQ(socket_of(*network, 1).connect(second_node, 300ms), ETIMEDOUT);
  network->set(network_faults(3));
  EXPECT_EQ(second->hear(4), "held");
  EXPECT_EQ(socket_of(*network, 1).connect(second_node), 0);
}

// Goal: a cut pair hears at once that there is no way, a third node and clients notice nothing. Method: dials.
TEST_F(two_nodes, ACutPairIsToldThatThereIsNoWay) {
  network_faults wanted(3);
  wanted.cut[1][2] = wanted.cut[2][1] = true;
  network->set(wanted);
  const int told = socket_of(*network, 1).connect(second_node);
  EXPECT_TRUE(told == ENETUNREACH || told == EHOSTUNREACH) << told;
  EXPECT_TRUE(first->is_silent(100ms));
  EXPECT_EQ(socket_of(*network, 3).connect(second_node), 0);
  EXPECT_EQ(end().connect(second_for_clients), 0);
  network->set(network_faults(3));
  EXPECT_EQ(socket_of(*network, 1).connect(second_node), 0);
}

// Goal: a node without its cable hears nobody and is heard by nobody, neither side is told, and everything works again
// afterwards. Method: a connection that is there, dials of nodes and of a client, twice over.
TEST_F(two_nodes, AnUnpluggedNodeVanishes) {
  const end client;
  ASSERT_EQ(client.connect(second_for_clients), 0);
  const end served = listener->accept();
  for (int round = 0; round < 2; ++round) {
    network_faults wanted(3);
    wanted.unplugged[2] = true;
    network->set(wanted);
    first->say("a");
    served.say("b");
    EXPECT_TRUE(second->is_silent(400ms));
    EXPECT_TRUE(client.is_silent(1ms));
    EXPECT_EQ(socket_of(*network, 1).connect(second_node, 300ms), ETIMEDOUT);
    EXPECT_EQ(socket_of(*network, 2).connect(first_node, 300ms), ETIMEDOUT);
    EXPECT_EQ(end().connect(second_for_clients, 300ms), ETIMEDOUT);
    network->set(network_faults(3));
    EXPECT_EQ(second->hear(1), "a");
    EXPECT_EQ(client.hear(1), "b");
    EXPECT_EQ(end().connect(second_for_clients), 0);
  }
}

// Goal: delayed packets come so late, lost ones are sent again by TCP, none is damaged, and afterwards the router has
// the way again. Method: a question and its answer, timed; a megabyte under loss; the counters.
TEST_F(two_nodes, SlowWaysDelayAndLosePackets) {
  network_faults wanted(3);
  wanted.weather[1][2] = wanted.weather[2][1] = {.delay = 50ms, .jitter = 10ms};
  network->set(wanted);
  const auto began = clock::now();
  first->say("?");
  EXPECT_EQ(second->hear(1), "?");
  second->say("!");
  EXPECT_EQ(first->hear(1), "!");
  EXPECT_GE(clock::now() - began, 100ms);
  EXPECT_LT(clock::now() - began, 2s);

  wanted.weather[1][2] = wanted.weather[2][1] = {.delay = 1ms, .lost = 0.05};
  network->set(wanted);
  std::string much(1 << 20, '\0');
  for (std::size_t i = 0; i < much.size(); ++i) {
    much[i] = static_cast<char>(i * 2654435761U >> 13);
  }
  std::thread speaker([&] { first->say(much); });
  EXPECT_EQ(second->hear(much.size()), much);
  speaker.join();
  EXPECT_GT(network->delayed().passed(), 20U);
  EXPECT_GT(network->delayed().lost(), 0U);

  network->set(network_faults(3));
  first->say("after");
  EXPECT_EQ(second->hear(5), "after");
  const std::uint64_t passed = network->delayed().passed();
  for (int i = 0; i < 5; ++i) {
    first->say("x");
    ASSERT_EQ(second->hear(1), "x");
  }
  EXPECT_LE(network->delayed().passed(), passed + 2); // what was still held
}

/// Three nodes of one cluster, and devices that write to each other all the time.
class real_cluster : public real_network {
protected:
  void SetUp() override {
    real_network::SetUp();
    if (IsSkipped()) {
      return;
    }
    std::string name = (fs::temp_directory_path() / "godwit-namespaces-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder = name;
    cluster.emplace(
      faulty_cluster::options{.program = GODWIT_PROGRAM, .nodes = 3, .seed = 1, .settings = {}, .namespaces = true});
    for (unsigned node = 1; node <= 3; ++node) {
      cluster->start(node);
    }
    ASSERT_TRUE(cluster->wait_ready(60s)) << cluster->log_end(1) << cluster->log_end(2) << cluster->log_end(3);
    chat_load::run_options options;
    options.accounts = 3;
    options.pause = 100ms;
    options.trouble = 0ms;
    options.folder = folder;
    devices.emplace(options, cluster->targets(), [] {});
    devices->sign_up();
    devices->begin();
  }
  void TearDown() override {
    std::error_code ignored;
    fs::remove_all(folder, ignored);
  }

  [[nodiscard]] std::string page(unsigned node, const char* path) const {
    return bench::http_get(cluster->layout().metrics_port(), path, node);
  }
  [[nodiscard]] bool has_link(unsigned from, unsigned to) const {
    return page(from, "/metrics").find("peer_up{peer=\"" + std::to_string(to) + "\"} 1") != std::string::npos;
  }
  [[nodiscard]] bool have_links(unsigned one, unsigned other) const {
    return has_link(one, other) && has_link(other, one);
  }
  [[nodiscard]] bool comes(const std::function<bool()>& what, milliseconds within = patience) {
    const auto until = clock::now() + within;
    while (!what()) {
      if (clock::now() > until) {
        return false;
      }
      devices->run_for(50ms);
    }
    return true;
  }
  /// Whether messages go on being sent and acknowledged.
  [[nodiscard]] bool goes_on() {
    const std::uint64_t wanted = devices->figures().acknowledged + 20;
    return comes([&] { return devices->figures().acknowledged >= wanted; });
  }

  fs::path folder;
  std::optional<faulty_cluster> cluster;
  std::optional<chat_load::chat_run> devices;
};

// Goal: with a pair that does not hear each other, and with a node that vanished, the others serve on; links come back
// soon after the healing, whatever TCP waits for; what nodes said broke no rule. Method: real silence of a pair, then a
// node without network, and devices that count what is acknowledged.
TEST_F(real_cluster, GoesOnWithoutAPairAndWithoutANodeAndHeals) {
  ASSERT_TRUE(comes([&] { return have_links(1, 2) && have_links(2, 3) && have_links(1, 3); }));
  ASSERT_TRUE(goes_on());

  network_faults wanted(3);
  wanted.weather[1][2].silent = wanted.weather[2][1].silent = true;
  cluster->network().set(wanted);
  EXPECT_TRUE(comes([&] { return !has_link(1, 2) && !has_link(2, 1); }));
  EXPECT_TRUE(goes_on());
  EXPECT_TRUE(have_links(1, 3) && have_links(2, 3));
  cluster->network().set(network_faults(3));
  auto healed = clock::now();
  EXPECT_TRUE(comes([&] { return have_links(1, 2); }, 10s));
  std::cout << "a silent pair had its link again after " << seconds_since(healed) << " s\n";

  wanted = network_faults(3);
  wanted.unplugged[3] = true;
  cluster->network().set(wanted);
  EXPECT_TRUE(comes([&] { return !has_link(1, 3) && !has_link(2, 3); }));
  EXPECT_TRUE(goes_on());
  EXPECT_EQ(page(3, "/readyz"), "");
  cluster->network().set(network_faults(3));
  healed = clock::now();
  EXPECT_TRUE(comes([&] { return have_links(1, 3) && have_links(2, 3); }, 10s));
  std::cout << "a node that had vanished had its links again after " << seconds_since(healed) << " s\n";
  EXPECT_TRUE(comes([&] { return cluster->layout().is_ready(3); }));
  EXPECT_TRUE(goes_on());

  devices->end();
  for (const std::string& each : devices->figures().breaches) {
    ADD_FAILURE() << each;
  }
  EXPECT_TRUE(cluster->end_all(40s));
}

} // namespace
} // namespace godwit::cluster_faults
