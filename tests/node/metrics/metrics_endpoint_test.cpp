#include "node/metrics/metrics_endpoint.hpp"

#include <atomic>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/limits.hpp"

namespace godwit::node {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class metrics_endpoint_test : public ::testing::Test {
protected:
  metrics_endpoint_test() {
    auto started = metrics_endpoint::start({.address = "127.0.0.1", .port = 0},
                                           {.metrics = [] { return std::string("godwit_x 1\n"); },
                                            .alive =
                                              [] {
                                                return health{true, "ignored"};
                                              },
                                            .ready =
                                              [this] {
                                                return health{ready.load(), "the disk is full"};
                                              }});
    EXPECT_TRUE(started);
    endpoint_ = std::move(*started);
  }

  [[nodiscard]] int connect() const {
    const int made = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(endpoint_->port());
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(made, reinterpret_cast<const sockaddr*>(&to), sizeof(to)), 0);
    return made;
  }

  /// Everything that comes until the other side closes.
  static std::string read_all(int from) {
    std::string text;
    std::array<char, 4096> some;
    for (ssize_t got = 0; (got = ::recv(from, some.data(), some.size(), 0)) > 0;) {
      text.append(some.data(), static_cast<std::size_t>(got));
    }
    ::close(from);
    return text;
  }

  [[nodiscard]] std::string ask(const std::string& request) const {
    const int to = connect();
    EXPECT_EQ(::send(to, request.data(), request.size(), MSG_NOSIGNAL), static_cast<ssize_t>(request.size()));
    return read_all(to);
  }

  std::atomic<bool> ready{true};
  std::unique_ptr<metrics_endpoint> endpoint_;
};

// Goal: the three pages; health as a supervisor reads it, by the status.
TEST_F(metrics_endpoint_test, ServesMetricsAndHealthOnOnePort) {
  EXPECT_THAT(
    ask("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"),
    AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("text/plain; version=0.0.4"), HasSubstr("\r\n\r\ngodwit_x 1\n")));
  EXPECT_THAT(ask("GET /healthz HTTP/1.0\r\n\r\n"), AllOf(HasSubstr(" 200 "), HasSubstr("\r\n\r\nok\n")));
  EXPECT_THAT(ask("GET /readyz?verbose HTTP/1.1\r\nHost: x\r\n\r\n"), AllOf(HasSubstr(" 200 "), HasSubstr("ok\n")));
  ready.store(false);
  EXPECT_THAT(ask("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"),
              AllOf(HasSubstr(" 503 "), HasSubstr("\r\n\r\nthe disk is full\n")));
  const std::string head = ask("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(head, AllOf(HasSubstr(" 200 "), HasSubstr("Content-Length: 11\r\n")));
  EXPECT_TRUE(head.ends_with("\r\n\r\n"));
}

// Goal: nothing else is served, and no rubbish ends the endpoint.
TEST_F(metrics_endpoint_test, RefusesWhatItDoesNotServe) {
  EXPECT_THAT(ask("GET /secrets HTTP/1.1\r\nHost: x\r\n\r\n"), HasSubstr(" 404 "));
  EXPECT_THAT(ask("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"),
              AllOf(HasSubstr(" 405 "), HasSubstr("Allow: GET, HEAD")));
  EXPECT_EQ(ask("\xef\xef rubbish\r\n\r\n"), "");
  const std::string large = "GET / HTTP/1.1\r\nX: " + std::string(2 * limits::metrics_request_bytes_max, 'x');
  const int to = connect();
  ::send(to, large.data(), large.size(), MSG_NOSIGNAL);
  read_all(to); // it is closed, whatever it said
  EXPECT_THAT(ask("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), HasSubstr(" 200 "));
}

// Goal: connections that say nothing take a bounded number of places, and leaving gives them back.
TEST_F(metrics_endpoint_test, TakesABoundedNumberOfConnections) {
  std::vector<int> silent;
  for (std::size_t i = 0; i < limits::metrics_connections_max; ++i) {
    silent.push_back(connect());
  }
  EXPECT_EQ(read_all(connect()), "") << "one too many is closed";
  for (const int each : silent) {
    ::close(each);
  }
  // The endpoint sees the ends of connections in its own time.
  std::string answer;
  while (answer.empty()) {
    answer = ask("GET /healthz HTTP/1.0\r\n\r\n");
  }
  EXPECT_THAT(answer, HasSubstr(" 200 "));
}

// Goal: a port in use is told as such, for it has an exit code of its own.
TEST_F(metrics_endpoint_test, APortInUseIsNamedWithARemedy) {
  const auto second = metrics_endpoint::start({.address = "127.0.0.1", .port = endpoint_->port()}, {});
  ASSERT_FALSE(second);
  EXPECT_TRUE(second.error().address_in_use);
  EXPECT_THAT(second.error().message,
              AllOf(HasSubstr("port " + std::to_string(endpoint_->port())), HasSubstr("metrics.port")));
  const auto foreign = metrics_endpoint::start({.address = "192.0.2.1", .port = 0}, {});
  ASSERT_FALSE(foreign);
  EXPECT_FALSE(foreign.error().address_in_use);
}

} // namespace
} // namespace godwit::node
