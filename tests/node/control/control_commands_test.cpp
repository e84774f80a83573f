#include "node/control/control_commands.hpp"

#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace godwit::node {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class control_commands_test : public ::testing::Test {
protected:
  std::optional<control_answer> run(const std::string& name, const std::vector<std::string>& arguments = {}) {
    std::optional<control_answer> got;
    commands_.run(name, arguments, control_reply([&](control_answer answer) {
                    EXPECT_FALSE(got) << "answered twice";
                    got = std::move(answer);
                  }));
    return got;
  }

  control_commands commands_;
};

// Goal: unknown names and wrong numbers of arguments are refused before a handler sees them, with the
// usage.
TEST_F(control_commands_test, UnknownCommandsAndWrongArgumentsAreRefused) {
  int runs = 0;
  commands_.add({.name = "code",
                 .usage = "NUMBER",
                 .help = "Tells a code.",
                 .arguments_min = 1,
                 .arguments_max = 1,
                 .run = [&](const auto& given, control_reply reply) {
                   ++runs;
                   reply({.ok = true, .text = given[0], .json = {}});
                 }});
  EXPECT_EQ(run("code", {"5"})->text, "5");
  EXPECT_THAT(run("code")->text, HasSubstr("usage: godwit ctl code NUMBER"));
  EXPECT_FALSE(run("code", {"1", "2"})->ok);
  EXPECT_THAT(run("cod\x1b")->text, AllOf(HasSubstr("no such command"), Not(HasSubstr("cod\x1b"))));
  EXPECT_EQ(runs, 1);
  EXPECT_THAT(run("help")->text, AllOf(HasSubstr("code NUMBER"), HasSubstr("Tells a code.")));
}

// Goal: there is always exactly one answer: a handler that forgets, throws, or answers twice included.
TEST_F(control_commands_test, ThereIsAlwaysExactlyOneAnswer) {
  commands_.add({.name = "forgets", .usage = {}, .help = {}, .run = [](const auto&, control_reply) {}});
  commands_.add({.name = "twice", .usage = {}, .help = {}, .run = [](const auto&, control_reply reply) {
                   reply({.ok = true, .text = "first", .json = {}});
                   reply(control_failure("second"));
                 }});
  commands_.add({.name = "throws", .usage = {}, .help = {}, .run = [](const auto&, control_reply) {
                   throw std::runtime_error("canary");
                 }});
  EXPECT_THAT(run("forgets")->text, HasSubstr("no answer"));
  EXPECT_EQ(run("twice")->text, "first");
  EXPECT_THAT(run("throws")->text, AllOf(HasSubstr("failed"), Not(HasSubstr("canary"))));
}

// Goal: one answer, two readers.
TEST_F(control_commands_test, RecordsAndTablesAreTextAndJson) {
  const auto record = control_record({{"ready", true}, {"users", std::int64_t{3}}, {"share", 0.5}, {"name", "n"}});
  EXPECT_EQ(record.text, "ready  yes\nusers  3\nshare  0.5\nname   n");
  EXPECT_EQ(nlohmann::json::parse(record.json),
            nlohmann::json::parse(R"({"ready": true, "users": 3, "share": 0.5, "name": "n"})"));
  const auto table = control_table({"id", "device"}, {{std::int64_t{12345}, "phone"}, {std::int64_t{1}, "x"}});
  EXPECT_EQ(table.text, "id     device\n12345  phone\n1      x");
  EXPECT_EQ(nlohmann::json::parse(table.json),
            nlohmann::json::parse(R"([{"id": 12345, "device": "phone"}, {"id": 1, "device": "x"}])"));
}

} // namespace
} // namespace godwit::node
