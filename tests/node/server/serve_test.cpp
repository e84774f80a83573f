#include <csignal>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/node/server/godwit_process.hpp"

namespace godwit::node {
namespace {

using namespace std::chrono_literals;
using test::godwit;
using test::http_get;
using test::running_node;
using test::wait_for_page;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class serve_test : public ::testing::Test {
protected:
  void SetUp() override {
    const auto made =
      godwit({"init", "--data", data(), "--set", "listen.port=" + std::to_string(test::free_port()), "--set",
              "metrics.port=" + std::to_string(port_), "--set", "peers.port=" + std::to_string(test::free_port()),
              "--set", "auth.webhook_secret=canary4711"});
    ASSERT_EQ(made.status, 0) << made.err;
  }

  [[nodiscard]] std::filesystem::path data() const { return scratch_.path() / "data"; }
  [[nodiscard]] std::vector<std::string> serve() const { return {"serve", "--data", data()}; }

  /// The JSON that a command answers.
  nlohmann::json ctl(const std::vector<std::string>& words) {
    std::vector<std::string> command{"ctl", "--data", data(), "--json"};
    command.insert(command.end(), words.begin(), words.end());
    const auto ended = godwit(command);
    EXPECT_EQ(ended.status, 0) << ended.err;
    return nlohmann::json::parse(ended.out, nullptr, false);
  }

  static std::string read(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  test::scratch_folder scratch_;
  std::uint16_t port_ = test::free_port();
};

// Goal: from start to end as an operator sees it: health, metrics, socket, and 0 at SIGTERM within the
// drain.
TEST_F(serve_test, ANodeServesHealthAndMetricsAndEndsWhenAsked) {
  running_node node(serve());
  ASSERT_TRUE(wait_for_page(port_, "/readyz")) << node.err();
  EXPECT_THAT(http_get(port_, "/healthz"), HasSubstr(" 200 "));
  EXPECT_THAT(http_get(port_, "/metrics"),
              AllOf(HasSubstr("\ngodwit_ready 1\n"), HasSubstr("godwit_process_resident_memory_bytes"),
                    HasSubstr("godwit_build_info{version=\"0.")));
  struct stat status {};
  ASSERT_EQ(::stat((data() / "control.sock").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);

  node.signal(SIGTERM);
  EXPECT_EQ(node.wait(20s), 0) << node.err();
  EXPECT_THAT(node.err(), AllOf(HasSubstr("component=server what=ready"), HasSubstr("what=ended")));
  EXPECT_FALSE(std::filesystem::exists(data() / "control.sock"));
}

// Goal: health, key, config and log levels through the socket, for people and for programs.
TEST_F(serve_test, CtlAsksTheNode) {
  running_node node(serve());
  ASSERT_TRUE(wait_for_page(port_, "/readyz")) << node.err();
  const auto health = ctl({"health"});
  EXPECT_EQ(health["ready"], true);
  EXPECT_EQ(health["process"], node.pid());
  const auto key = ctl({"key"});
  EXPECT_EQ(key["pem"], read(data() / "server_rsa.pub.pem"));
  EXPECT_EQ(key["fingerprint"].get<std::string>().size(), 16U);
  const auto config = ctl({"config"});
  EXPECT_EQ(config["metrics.port"]["value"], port_);
  EXPECT_EQ(config["metrics.port"]["origin"].get<std::string>().find((data() / "godwit.toml").string()), 0U);
  EXPECT_EQ(config["auth.webhook_secret"]["value"], "***");
  EXPECT_THAT(godwit({"ctl", "--data", data(), "config"}).out, Not(HasSubstr("canary4711")));

  EXPECT_EQ(godwit({"ctl", "--data", data(), "log-level", "server", "debug"}).status, 0);
  bool changed = false;
  for (const auto& each : ctl({"log-level"})) {
    changed = changed || (each["component"] == "server" && each["level"] == "debug");
  }
  EXPECT_TRUE(changed);
  EXPECT_EQ(godwit({"ctl", "--data", data(), "log-level", "nothing", "debug"}).status, 1);
  const auto unknown = godwit({"ctl", "--data", data(), "fly"});
  EXPECT_EQ(unknown.status, 1);
  EXPECT_THAT(unknown.err, HasSubstr("ctl help"));
}

// Goal: two processes never share a folder; the first one does not notice. Method: the second one gets
// ports and a socket of its own, so that the folder alone stands between them.
TEST_F(serve_test, ASecondProcessOnTheFolderIsRefused) {
  running_node node(serve());
  ASSERT_TRUE(wait_for_page(port_, "/readyz")) << node.err();
  auto command = serve();
  for (const std::string& each : {"metrics.port=" + std::to_string(test::free_port()),
                                  "node.control_socket=" + (scratch_.path() / "second.sock").string()}) {
    command.insert(command.end(), {"--set", each});
  }
  const auto second = godwit(command);
  EXPECT_EQ(second.status, 4);
  EXPECT_THAT(second.err, HasSubstr("is in use by process " + std::to_string(node.pid())));
  EXPECT_THAT(http_get(port_, "/readyz"), HasSubstr(" 200 "));
  EXPECT_EQ(ctl({"health"})["process"], node.pid());
}

// Goal: a port in use has its own exit code, and the line names the port and the key.
TEST_F(serve_test, APortInUseIsFive) {
  running_node node(serve());
  ASSERT_TRUE(wait_for_page(port_, "/readyz")) << node.err();
  const auto second = godwit(serve());
  EXPECT_EQ(second.status, 5);
  EXPECT_THAT(second.err, AllOf(HasSubstr("port " + std::to_string(port_)), HasSubstr("metrics.port")));
}

// Goal: a killed node starts again with the same identity, over the socket that it left.
TEST_F(serve_test, AKilledNodeStartsAgain) {
  std::string fingerprint;
  for (int round = 0; round < 2; ++round) {
    running_node node(serve());
    ASSERT_TRUE(wait_for_page(port_, "/readyz")) << node.err();
    const std::string now = ctl({"key"})["fingerprint"];
    EXPECT_TRUE(fingerprint.empty() || fingerprint == now);
    fingerprint = now;
    node.signal(SIGKILL);
    EXPECT_EQ(node.wait(), 128 + SIGKILL);
    EXPECT_TRUE(std::filesystem::exists(data() / "control.sock"));
  }
}

// Goal: SIGHUP opens the log anew, as log rotation needs it. Method: the file is moved away, and the line
// that tells of it is in the new one.
TEST_F(serve_test, SighupOpensTheLogAnew) {
  const auto file = scratch_.path() / "godwit.log";
  auto command = serve();
  command.insert(command.end(), {"--set", "log.file=" + file.string(), "--set", "log.format=json"});
  running_node node(command);
  ASSERT_TRUE(wait_for_page(port_, "/readyz")) << node.err();
  std::filesystem::rename(file, scratch_.path() / "old.log");
  node.signal(SIGHUP);
  for (int i = 0; i < 2000 && read(file).find("log_reopened") == std::string::npos; ++i) {
    ::usleep(5000);
  }
  EXPECT_THAT(read(file), HasSubstr("\"what\":\"log_reopened\""));
  node.signal(SIGINT);
  EXPECT_EQ(node.wait(), 0);
  EXPECT_THAT(read(scratch_.path() / "old.log"), AllOf(HasSubstr("\"what\":\"starting\""), Not(HasSubstr("ended"))));
  EXPECT_THAT(read(file), AllOf(HasSubstr("\"what\":\"ended\""), Not(HasSubstr("canary4711"))));
  EXPECT_EQ(node.err(), "");
}

// Goal: systemd is told when clients are served and when the end begins. Method: its socket is ours.
TEST_F(serve_test, SystemdIsTold) {
  const std::string path = scratch_.path() / "notify";
  const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  path.copy(at.sun_path, sizeof(at.sun_path) - 1);
  ASSERT_EQ(::bind(socket, reinterpret_cast<const sockaddr*>(&at), sizeof(at)), 0);
  timeval limit{.tv_sec = 30, .tv_usec = 0};
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  const auto next = [&] {
    std::array<char, 512> text;
    const ssize_t got = ::recv(socket, text.data(), text.size(), 0);
    return std::string(text.data(), got > 0 ? static_cast<std::size_t>(got) : 0);
  };
  running_node node(serve(), {"NOTIFY_SOCKET=" + path, "WATCHDOG_USEC=200000"});
  EXPECT_THAT(next(), HasSubstr("READY=1"));
  EXPECT_THAT(http_get(port_, "/readyz"), HasSubstr(" 200 "));
  EXPECT_EQ(next(), "WATCHDOG=1");
  EXPECT_EQ(next(), "WATCHDOG=1");
  node.signal(SIGTERM);
  std::string told = next();
  while (told == "WATCHDOG=1") {
    told = next();
  }
  EXPECT_THAT(told, HasSubstr("STOPPING=1"));
  EXPECT_EQ(node.wait(), 0);
  ::close(socket);
}

// Goal: the copy of a running node is a data folder that a node starts from, under the same key. Method: the node has
// begun before, so that its cluster knows it, and takes the copy for a later start of it.
TEST_F(serve_test, ANodeStartsFromASnapshotOfARunningOne) {
  const auto copy = scratch_.path() / "copy";
  std::string fingerprint;
  {
    running_node node(serve());
    ASSERT_TRUE(wait_for_page(port_, "/readyz")) << node.err();
    node.signal(SIGTERM);
    EXPECT_EQ(node.wait(), 0);
  }
  {
    running_node node(serve());
    ASSERT_TRUE(wait_for_page(port_, "/readyz")) << node.err();
    fingerprint = ctl({"key"})["fingerprint"];
    EXPECT_EQ(ctl({"snapshot", copy.string()})["snapshot"], copy.string());
    const auto again = godwit({"ctl", "--data", data(), "snapshot", copy});
    EXPECT_EQ(again.status, 1);
    EXPECT_THAT(again.err, HasSubstr("is not empty"));
    node.signal(SIGTERM);
    EXPECT_EQ(node.wait(), 0);
  }
  struct stat status {};
  ASSERT_EQ(::stat((copy / "secrets.toml").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  running_node node({"serve", "--data", copy});
  ASSERT_TRUE(wait_for_page(port_, "/readyz")) << node.err();
  EXPECT_THAT(godwit({"ctl", "--data", copy, "key"}).out, HasSubstr(fingerprint));
}

// Goal: a copy that was made where other nodes have a vote does not start, at whatever number of starts; the folder itself
// does, once its file is back. Method: a folder that a node has begun in, without `incarnation`, which such copies lack.
TEST_F(serve_test, ACopyWithoutItsNumberOfStartsDoesNotStart) {
  {
    running_node node(serve());
    ASSERT_TRUE(wait_for_page(port_, "/readyz")) << node.err();
    node.signal(SIGTERM);
    EXPECT_EQ(node.wait(), 0);
  }
  const auto file = data() / "incarnation";
  ASSERT_TRUE(std::filesystem::exists(file));
  std::filesystem::rename(file, scratch_.path() / "kept");
  for (int i = 0; i < 2; ++i) {
    const auto refused = godwit(serve());
    EXPECT_EQ(refused.status, 4);
    EXPECT_THAT(refused.err, AllOf(HasSubstr("is a copy of node 1"), HasSubstr("invite --replace 1")));
    EXPECT_FALSE(std::filesystem::exists(file)) << "the next start would pass for a later one";
  }
  std::filesystem::rename(scratch_.path() / "kept", file);
  running_node node(serve());
  EXPECT_TRUE(wait_for_page(port_, "/readyz")) << node.err();
}

// Goal: a first node whose storage was lost does not begin its cluster a second time; with the storage back it serves.
// Method: the storage of another folder that no node has run in stands in for an empty disk.
TEST_F(serve_test, ALostStorageIsNoNewCluster) {
  {
    running_node node(serve());
    ASSERT_TRUE(wait_for_page(port_, "/readyz")) << node.err();
    node.signal(SIGTERM);
    EXPECT_EQ(node.wait(), 0);
  }
  EXPECT_TRUE(std::filesystem::exists(data() / "begun"));
  const auto other = scratch_.path() / "other";
  ASSERT_EQ(godwit({"init", "--data", other}).status, 0);
  std::filesystem::rename(data() / "storage", scratch_.path() / "kept");
  std::filesystem::rename(other / "storage", data() / "storage");
  const auto refused = godwit(serve());
  EXPECT_EQ(refused.status, 4);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("is empty, and this node has served before"), HasSubstr("Restore")));
  std::filesystem::remove_all(data() / "storage");
  std::filesystem::rename(scratch_.path() / "kept", data() / "storage");
  running_node node(serve());
  EXPECT_TRUE(wait_for_page(port_, "/readyz")) << node.err();
}

// Goal: a storage that belongs to other secrets is refused, and both are named. Method: one with another number of
// shards, and one that another cluster has begun in.
TEST_F(serve_test, AStorageOfOthersIsRefused) {
  const auto other = scratch_.path() / "other";
  const auto metrics = test::free_port();
  const auto make = [&](const std::string& shards) {
    std::filesystem::remove_all(other);
    const auto made =
      godwit({"init", "--data", other, "--set", "cluster.shards=" + shards, "--set",
              "listen.port=" + std::to_string(test::free_port()), "--set", "metrics.port=" + std::to_string(metrics),
              "--set", "peers.port=" + std::to_string(test::free_port())});
    ASSERT_EQ(made.status, 0) << made.err;
  };
  const auto put = [&] {
    std::filesystem::remove_all(data() / "storage");
    std::filesystem::rename(other / "storage", data() / "storage");
  };
  make("4");
  put();
  auto refused = godwit(serve());
  EXPECT_EQ(refused.status, 4);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("node 1 with 4 shards"), HasSubstr("node 1 with 16 shards")));

  make("16");
  {
    running_node node({"serve", "--data", other});
    ASSERT_TRUE(wait_for_page(metrics, "/readyz")) << node.err();
    node.signal(SIGTERM);
    EXPECT_EQ(node.wait(), 0);
  }
  put();
  refused = godwit(serve());
  EXPECT_EQ(refused.status, 4);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("is of cluster "), HasSubstr("Restore both from one copy")));
}

// Goal: a port for clients that another program has is found at the start, and has the code for it.
TEST_F(serve_test, AClientsPortInUseIsFive) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto taken = test::listen_on_loopback(socket);
  auto command = serve();
  command.insert(command.end(), {"--set", "listen.port=" + std::to_string(taken)});
  const auto refused = godwit(command);
  EXPECT_EQ(refused.status, 5);
  EXPECT_THAT(refused.err, HasSubstr("port " + std::to_string(taken)));
  ::close(socket);
}

// Goal: thousands of connections need files; the node takes what the system gives. Method: a soft limit
// below the hard one.
TEST_F(serve_test, TheLimitOfOpenFilesIsRaised) {
  rlimit files{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  const rlimit low{.rlim_cur = std::min<rlim_t>(256, files.rlim_max), .rlim_max = files.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  running_node node(serve());
  ::setrlimit(RLIMIT_NOFILE, &files);
  ASSERT_TRUE(wait_for_page(port_, "/readyz")) << node.err();
  const std::string text = http_get(port_, "/metrics");
  const auto at = text.find("\ngodwit_process_max_fds ");
  ASSERT_NE(at, std::string::npos);
  EXPECT_DOUBLE_EQ(std::stod(text.substr(at + 24)), static_cast<double>(files.rlim_max));
}

} // namespace
} // namespace godwit::node
