#include "node/control/control_server.hpp"

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/limits.hpp"
#include "node/control/control_client.hpp"

namespace godwit::node {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class control_server_test : public ::testing::Test {
protected:
  control_server_test() {
    std::string name = (std::filesystem::temp_directory_path() / "godwit_control_XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    commands_.add(
      {.name = "echo", .usage = {}, .help = {}, .arguments_max = 9, .run = [](const auto& given, auto reply) {
         reply({.ok = true, .text = given.empty() ? "" : given[0], .json = {}});
       }});
    commands_.add({.name = "later", .usage = {}, .help = {}, .run = [this](const auto&, auto reply) {
                     later_.set_value(std::move(reply));
                   }});
  }
  ~control_server_test() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::filesystem::path path() const { return folder_ / "control.sock"; }

  std::unique_ptr<control_server> start(std::chrono::milliseconds request_timeout = 5s,
                                        std::chrono::milliseconds answer_timeout = 60s) {
    auto started = control_server::start(
      {.socket = path(), .request_timeout = request_timeout, .answer_timeout = answer_timeout}, commands_);
    EXPECT_TRUE(started) << (started ? "" : started.error());
    return started ? std::move(*started) : nullptr;
  }

  expected<control_answer, control_call_error> call(const std::string& command,
                                                    const std::vector<std::string>& arguments = {}) {
    return control_call(path(), command, arguments, 20s);
  }

  [[nodiscard]] int connect() const {
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    std::strncpy(to.sun_path, path().c_str(), sizeof(to.sun_path) - 1);
    const int made = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::connect(made, reinterpret_cast<const sockaddr*>(&to), sizeof(to)), 0);
    return made;
  }

  static std::string read_all(int from) {
    std::string text;
    std::array<char, 4096> some;
    for (ssize_t got = 0; (got = ::recv(from, some.data(), some.size(), 0)) > 0;) {
      text.append(some.data(), static_cast<std::size_t>(got));
    }
    ::close(from);
    return text;
  }

  std::filesystem::path folder_;
  control_commands commands_;
  std::promise<control_reply> later_;
};

// Goal: nobody but the node's user gets to the socket, and it goes with the node.
TEST_F(control_server_test, TheSocketIsForItsOwnerAloneAndGoesWithTheServer) {
  {
    const auto server = start();
    struct stat status {};
    ASSERT_EQ(::stat(path().c_str(), &status), 0);
    EXPECT_TRUE(S_ISSOCK(status.st_mode));
    EXPECT_EQ(status.st_mode & 0777, 0600U);
    const auto answer = call("echo", {"hello \"you\""});
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->text, "hello \"you\"");
  }
  EXPECT_FALSE(std::filesystem::exists(path()));
  const auto nobody = call("echo");
  ASSERT_FALSE(nobody);
  EXPECT_TRUE(nobody.error().no_node);
  EXPECT_THAT(nobody.error().message, HasSubstr("no node runs on " + path().string()));
}

// Goal: what a crash left is taken over; a node that runs, or a file of somebody's, is not.
TEST_F(control_server_test, TakesOverADeadSocketAndNothingElse) {
  std::ofstream(path()) << "mine";
  EXPECT_FALSE(control_server::start({.socket = path()}, commands_));
  EXPECT_TRUE(std::filesystem::is_regular_file(path()));
  std::filesystem::remove(path());

  auto server = start();
  const auto second = control_server::start({.socket = path()}, commands_);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error(), HasSubstr("another node listens"));
  EXPECT_TRUE(call("echo")) << "the first one was harmed";
  server.reset();

  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  std::strncpy(at.sun_path, path().c_str(), sizeof(at.sun_path) - 1);
  const int dead = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(::bind(dead, reinterpret_cast<const sockaddr*>(&at), sizeof(at)), 0);
  ::close(dead);
  ASSERT_TRUE(std::filesystem::exists(path()));
  EXPECT_TRUE(call("echo").error().no_node);
  server = start();
  EXPECT_TRUE(call("echo"));

  const auto deep = folder_ / std::string(120, 'x');
  EXPECT_THAT(control_server::start({.socket = deep}, commands_).error(), HasSubstr("node.control_socket"));
}

// Goal: a command may answer later, from any thread, while others are served; also when the caller has
// gone, and when the server has.
TEST_F(control_server_test, ACommandMayAnswerLaterFromAnotherThread) {
  auto server = start();
  auto waiting = std::async(std::launch::async, [this] { return call("later"); });
  const control_reply reply = later_.get_future().get();
  EXPECT_TRUE(call("echo")) << "a command that waits holds no other";
  std::thread([&] { reply({.ok = true, .text = "at last", .json = {}}); }).join();
  const auto answer = waiting.get();
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->text, "at last");

  later_ = {};
  const int caller = connect();
  const std::string request = "{\"command\": \"later\", \"arguments\": []}\n";
  ::send(caller, request.data(), request.size(), MSG_NOSIGNAL);
  const control_reply unheard = later_.get_future().get();
  ::close(caller);
  unheard({.ok = true, .text = "to nobody", .json = {}});
  EXPECT_TRUE(call("echo"));

  later_ = {};
  auto cut = std::async(std::launch::async, [this] { return call("later"); });
  const control_reply late = later_.get_future().get();
  server.reset();
  late({.ok = true, .text = "too late", .json = {}});
  const auto ended = cut.get();
  ASSERT_FALSE(ended);
  EXPECT_THAT(ended.error().message, HasSubstr("ended before it answered"));
}

// Goal: bounds and times: a request that is too long, one that never comes, too many at once, and a
// command that never answers.
TEST_F(control_server_test, RequestsAreBoundedInSizeTimeAndNumber) {
  {
    const auto server = start();
    const std::string large(2 * limits::control_request_bytes_max, 'x');
    const int caller = connect();
    ::send(caller, large.data(), large.size(), MSG_NOSIGNAL);
    read_all(caller); // answered or cut, but closed
    const int rubbish = connect();
    ::send(rubbish, "rubbish\n", 8, MSG_NOSIGNAL);
    EXPECT_THAT(read_all(rubbish), HasSubstr("not a request"));
    EXPECT_THAT(call("echo", {large}).error().message, HasSubstr("too long"));
  }
  {
    const auto server = start(60s);
    std::vector<int> silent;
    for (std::size_t i = 0; i < limits::control_connections_max; ++i) {
      silent.push_back(connect());
    }
    EXPECT_EQ(read_all(connect()), "") << "one too many is closed";
    for (const int each : silent) {
      ::close(each);
    }
  }
  {
    const auto server = start(20ms, 20ms);
    EXPECT_EQ(read_all(connect()), "") << "the silent one is closed";
    EXPECT_FALSE(call("later")) << "no answer in time";
    EXPECT_TRUE(call("echo"));
  }
}

} // namespace
} // namespace godwit::node
