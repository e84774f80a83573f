#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/node/server/godwit_process.hpp"

namespace godwit::node {
namespace {

using test::godwit;
using test::scratch_folder;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Goal: a page for the program and for each command, with exit codes and examples.
TEST(command_line, EveryCommandHasAPage) {
  const auto page = godwit({"--help"});
  EXPECT_EQ(page.status, 0);
  for (const char* command : {"init", "invite", "serve", "ctl", "config", "version"}) {
    EXPECT_THAT(page.out, HasSubstr(std::string("    ") + command));
    const auto own = godwit({command, "--help"});
    EXPECT_EQ(own.status, 0);
    EXPECT_THAT(own.out, AllOf(StartsWith("NAME\n    godwit " + std::string(command)), HasSubstr("SYNOPSIS")));
  }
  for (const char* command : {"init", "invite", "serve", "ctl", "config"}) {
    EXPECT_THAT(godwit({command, "--help"}).out, AllOf(HasSubstr("EXIT STATUS"), HasSubstr("EXAMPLES")));
  }
  EXPECT_THAT(godwit({"version"}).out, StartsWith("godwit 0."));
}

// Goal: a wrong command line is 2, with one line on standard error and nothing on the other.
TEST(command_line, AWrongCommandLineIsTwo) {
  const std::vector<std::vector<std::string>> wrong = {
    {},      {"fly"},    {"serve", "--bogus"}, {"serve"},          {"init"},
    {"ctl"}, {"config"}, {"config", "show"},   {"serve", "--data"}};
  for (const auto& each : wrong) {
    const auto ended = godwit(each);
    EXPECT_EQ(ended.status, 2) << (each.empty() ? "" : each[0]) << ended.err;
    EXPECT_THAT(ended.err, StartsWith("godwit: "));
    EXPECT_EQ(ended.out, "");
  }
}

// Goal: a refused configuration is 3, for serve, init and check, and names the place.
TEST(command_line, ARefusedConfigurationIsThree) {
  const scratch_folder folder;
  const std::string data = folder.path() / "data";
  for (const auto& each : std::vector<std::vector<std::string>>{{"serve", "--data", data, "--set", "listen.prot=1"},
                                                                {"init", "--data", data, "--set", "listen.prot=1"}}) {
    const auto ended = godwit(each);
    EXPECT_EQ(ended.status, 3) << each[0];
    EXPECT_THAT(ended.err, HasSubstr("did you mean listen.port?"));
  }
  EXPECT_EQ(godwit({"serve", "--config", folder.path() / "none.toml"}).status, 3);
  const auto variable = godwit({"config", "check", "--data", data}, {"GODWIT_LISTEN_PORT=0"});
  EXPECT_EQ(variable.status, 3);
  EXPECT_THAT(variable.err, HasSubstr("environment GODWIT_LISTEN_PORT: listen.port is 0: set it to 1 to 65535"));
  const auto reached =
    godwit({"config", "check", "--data", data, "--set", "auth.test_numbers=true", "--set", "listen.addresses=0.0.0.0"});
  EXPECT_EQ(reached.status, 3);
  EXPECT_THAT(reached.err, HasSubstr("auth.test_numbers"));
}

// Goal: nobody there is 6, and tells how to start it.
TEST(command_line, CtlWithoutANodeIsSix) {
  const scratch_folder folder;
  const auto ended = godwit({"ctl", "--data", folder.path(), "health"});
  EXPECT_EQ(ended.status, 6);
  EXPECT_THAT(ended.err, AllOf(HasSubstr("no node runs"), HasSubstr("godwit serve")));
  EXPECT_EQ(godwit({"ctl", "--data", folder.path(), "--set", "log.level=info", "health"}).status, 6)
    << "an option with a value takes one word alone";
}

} // namespace
} // namespace godwit::node
