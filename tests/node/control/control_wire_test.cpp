#include "node/control/control_wire.hpp"

#include <string>

#include <gtest/gtest.h>

namespace godwit::node {
namespace {

// Goal: any words cross the socket, also those with quotes, line ends and broken UTF-8 (replaced).
TEST(control_wire, WordsComeBackAsTheyWere) {
  const control_request request{.command = "code", .arguments = {"+99966", "", "a \"b\"\n\\", "\xf0\x9f\x90\xa6"}};
  const std::string line = request_line(request);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  const auto read = parse_request(line.substr(0, line.size() - 1));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->command, request.command);
  EXPECT_EQ(read->arguments, request.arguments);
  EXPECT_TRUE(parse_request(request_line({.command = "\xff", .arguments = {}})));

  const auto answer = parse_answer(answer_line({.ok = false, .text = "two\nlines", .json = "[1, {\"a\": null}]"}));
  ASSERT_TRUE(answer);
  EXPECT_FALSE(answer->ok);
  EXPECT_EQ(answer->text, "two\nlines");
  EXPECT_EQ(answer->json, "[\n  1,\n  {\n    \"a\": null\n  }\n]");
  EXPECT_EQ(parse_answer(answer_line({.ok = true, .text = "t", .json = {}}))->json, "{\n  \"text\": \"t\"\n}");
}

// Goal: what is no such line is refused, however deep or odd it is.
TEST(control_wire, RubbishIsRefused) {
  for (const std::string& each :
       {std::string(), std::string("health"), std::string("[]"), std::string("{}"), std::string("{\"command\": \"x\"}"),
        std::string("{\"command\": 1, \"arguments\": []}"), std::string("{\"command\": \"x\", \"arguments\": {}}"),
        std::string("{\"command\": \"x\", \"arguments\": [1]}"), std::string(60'000, '['),
        "{\"command\": \"x\", \"arguments\": [" + std::string(30'000, '[')}) {
    EXPECT_FALSE(parse_request(each)) << each.substr(0, 60);
  }
  EXPECT_FALSE(parse_answer("{\"ok\": true}"));
}

} // namespace
} // namespace godwit::node
