#include "tests/cluster/faults/link_proxy.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

namespace godwit::cluster_faults {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

constexpr milliseconds patience = 20s;

/// A socket that blocks, of this test.
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

  [[nodiscard]] std::uint16_t listen() const {
    sockaddr_in at = loopback(0);
    socklen_t size = sizeof(at);
    ::bind(socket_, reinterpret_cast<const sockaddr*>(&at), sizeof(at));
    ::listen(socket_, 8);
    ::getsockname(socket_, reinterpret_cast<sockaddr*>(&at), &size);
    return ntohs(at.sin_port);
  }
  [[nodiscard]] end accept() const {
    return waits_for_something(patience) ? end(::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC)) : end(-1);
  }
  /// 0, or what is wrong.
  [[nodiscard]] int connect(std::uint16_t port) const {
    const sockaddr_in to = loopback(port);
    return ::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0 ? 0 : errno;
  }
  void say(const std::string& what) const { ::send(socket_, what.data(), what.size(), MSG_NOSIGNAL); }
  /// Exactly so many bytes; fewer when nothing more comes in time.
  [[nodiscard]] std::string hear(std::size_t count, milliseconds within = patience) const {
    std::string heard;
    while (heard.size() < count && waits_for_something(within)) {
      char some[4096];
      const ssize_t got = ::recv(socket_, some, std::min(sizeof(some), count - heard.size()), 0);
      if (got <= 0) {
        break;
      }
      heard.append(some, static_cast<std::size_t>(got));
    }
    return heard;
  }
  /// Whether it has ended, orderly or by a reset.
  [[nodiscard]] bool ends() const {
    char some = 0;
    return waits_for_something(patience) && ::recv(socket_, &some, 1, 0) <= 0;
  }
  [[nodiscard]] bool waits_for_something(milliseconds within) const {
    pollfd wanted{socket_, POLLIN, 0};
    return ::poll(&wanted, 1, static_cast<int>(within.count())) == 1;
  }

private:
  static sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in made{};
    made.sin_family = AF_INET;
    made.sin_port = htons(port);
    made.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return made;
  }
  int socket_;
};

// Node 1 has dialled node 2.
class link_proxy_pair : public ::testing::Test {
protected:
  void SetUp() override {
    port = proxy.open(1, 2, {.port = node_2.listen()});
    ASSERT_EQ(first.connect(port), 0);
    second.emplace(node_2.accept());
    ASSERT_EQ(exchange(first, *second, "from 1"), "from 1");
    ASSERT_EQ(exchange(*second, first, "from 2"), "from 2");
  }

  static std::string exchange(const end& from, const end& to, const std::string& text) {
    from.say(text);
    return to.hear(text.size());
  }

  link_proxy proxy{7};
  end node_2;
  std::uint16_t port = 0;
  end first;
  std::optional<end> second;
};

// Goal: a cut ends what is and refuses what comes, and after healing the same port works again. Method: both ends of a
// connection, and new ones, twice over.
TEST_F(link_proxy_pair, ACutEndsConnectionsAndRefusesNewOnesUntilItHeals) {
  for (int round = 0; round < 2; ++round) {
    proxy.cut(2, 1);
    EXPECT_EQ(end().connect(port), ECONNREFUSED);
    if (round == 0) {
      EXPECT_TRUE(first.ends());
      EXPECT_TRUE(second->ends());
    }
    proxy.heal(1, 2);
    const end again;
    ASSERT_EQ(again.connect(port), 0);
    const end other = node_2.accept();
    EXPECT_EQ(exchange(again, other, "again"), "again");
  }
}

// Goal: silence in one direction holds only that direction's bytes, and they come when it ends. Method: both ends
// speak.
TEST_F(link_proxy_pair, SilenceInOneDirectionLeavesTheOtherAlone) {
  proxy.set_weather(1, 2, {.silent = true});
  first.say("held");
  EXPECT_EQ(exchange(*second, first, "through"), "through");
  EXPECT_EQ(second->hear(1, 100ms), "");
  proxy.heal_all();
  EXPECT_EQ(second->hear(4), "held");
}

// Goal: a new connection into silence is taken and hears nothing. Method: silence both ways, then a dial.
TEST_F(link_proxy_pair, ANewConnectionIntoSilenceHearsNothingUntilItHeals) {
  proxy.set_weather(1, 2, {.silent = true});
  proxy.set_weather(2, 1, {.silent = true});
  const end dialling;
  ASSERT_EQ(dialling.connect(port), 0);
  dialling.say("hello");
  const end taken = node_2.accept();
  taken.say("and you");
  EXPECT_EQ(taken.hear(1, 100ms), "");
  EXPECT_EQ(dialling.hear(1, 1ms), "");
  proxy.heal_all();
  EXPECT_EQ(taken.hear(5), "hello");
  EXPECT_EQ(dialling.hear(7), "and you");
}

// Goal: delay holds each byte so long, jitter changes no order, loss adds waits. Method: numbered pieces, timed.
TEST_F(link_proxy_pair, DelayAndLossKeepTheOrder) {
  proxy.set_weather(1, 2, {.delay = 50ms, .jitter = 30ms, .lost = 0.05});
  const auto began = clock::now();
  std::string said;
  for (int i = 0; i < 100; ++i) {
    const std::string piece = std::to_string(i) + ",";
    first.say(piece);
    said += piece;
  }
  EXPECT_EQ(second->hear(said.size()), said);
  EXPECT_GE(clock::now() - began, 50ms);
}

// Goal: bytes beyond what the proxy holds wait at their sender, and none is lost. Method: 32 MB to an end that reads
// late.
TEST_F(link_proxy_pair, MuchDataWaitsForASlowReader) {
  const std::string much(32 << 20, 'x');
  std::thread speaker([&] {
    std::size_t said = 0;
    while (said < much.size()) {
      const std::size_t piece = std::min<std::size_t>(1 << 20, much.size() - said);
      first.say(much.substr(said, piece));
      said += piece;
    }
  });
  EXPECT_EQ(second->hear(much.size()).size(), much.size());
  speaker.join();
}

// Goal: an end of one side reaches the other, and bad weather can end a connection too. Method: close; reset always.
TEST_F(link_proxy_pair, EndsReachTheOtherSide) {
  {
    const end brief;
    ASSERT_EQ(brief.connect(port), 0);
    brief.say("bye");
  }
  const end told = node_2.accept();
  EXPECT_EQ(told.hear(3), "bye");
  EXPECT_TRUE(told.ends());
  proxy.set_weather(1, 2, {.reset = 1});
  first.say("never");
  EXPECT_TRUE(second->ends());
  EXPECT_TRUE(first.ends());
  EXPECT_GE(proxy.counted().connections, 2U);
}

// Goal: a node that is not there is told by an end of the connection, at once. Method: a target that refuses.
TEST(link_proxy, ATargetThatRefusesEndsTheDial) {
  link_proxy proxy(1);
  std::uint16_t nobody = 0;
  { nobody = end().listen(); }
  const std::uint16_t port = proxy.open(3, 1, {.port = nobody});
  const end dialling;
  ASSERT_EQ(dialling.connect(port), 0);
  EXPECT_TRUE(dialling.ends());
}

} // namespace
} // namespace godwit::cluster_faults
