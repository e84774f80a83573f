#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/limits.hpp"
#include "node/log/logging.hpp"
#include "protocol/ids.hpp"

namespace godwit::node {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string format(const std::vector<log::field>& fields, line_format as, std::uint64_t suppressed = 0) {
  return format_line({.time = std::chrono::system_clock::time_point(std::chrono::milliseconds(1'769'860'800'007)),
                      .severity = log::level::warning,
                      .component = "edge",
                      .what = "frame_refused",
                      .fields = fields,
                      .suppressed = suppressed},
                     as);
}

// Goal: a line is what people and tools expect of logfmt, with every kind of value.
TEST(line_format, LogfmtHasTimeLevelComponentEventAndFields) {
  EXPECT_EQ(format({{"text", "plain"},
                    {"words", "two words"},
                    {"none", ""},
                    {"down", -3},
                    {"up", std::uint64_t{18'446'744'073'709'551'615U}},
                    {"half", 0.5},
                    {"yes", true},
                    {"id", session_id(7)}},
                   line_format::logfmt),
            "ts=2026-01-31T12:00:00.007Z level=warning component=edge what=frame_refused text=plain "
            "words=\"two words\" none=\"\" down=-3 up=18446744073709551615 half=0.5 yes=true id=7");
  EXPECT_THAT(format({}, line_format::logfmt, 12), HasSubstr("what=frame_refused suppressed=12"));
}

// Goal: one event is one line, whatever a value holds: no line of ours can be forged and no terminal is
// steered.
TEST(line_format, NoValueCanBreakItsLine) {
  const std::string evil = "a\nlevel=error \"x\" = \\ \x1b[31m \x7f \r\t";
  const std::string line = format({{"text", evil}}, line_format::logfmt);
  EXPECT_THAT(line, HasSubstr(R"(text="a\nlevel=error \"x\" = \\ \u001b[31m \u007f \u000d\u0009")"));
  for (const char c : line) {
    EXPECT_GE(static_cast<unsigned char>(c), 0x20);
  }
  const auto json = nlohmann::json::parse(format({{"text", evil}}, line_format::json));
  EXPECT_EQ(json["text"], evil);
}

// Goal: the other form is JSON, one object a line, with types.
TEST(line_format, JsonKeepsTypes) {
  const auto json = nlohmann::json::parse(format({{"n", 5}, {"b", false}, {"d", 1.5}}, line_format::json, 2));
  EXPECT_EQ(json["ts"], "2026-01-31T12:00:00.007Z");
  EXPECT_EQ(json["level"], "warning");
  EXPECT_EQ(json["n"], 5);
  EXPECT_EQ(json["b"], false);
  EXPECT_EQ(json["d"], 1.5);
  EXPECT_EQ(json["suppressed"], 2);
}

// Goal: a line has a bound, and says when it was cut.
TEST(line_format, ALineThatGrowsTooLongLosesItsLastFields) {
  const std::string large(limits::log_line_bytes_max, 'x');
  const std::string line = format({{"first", 1}, {"large", large}, {"last", 2}}, line_format::logfmt);
  EXPECT_LT(line.size(), limits::log_line_bytes_max);
  EXPECT_THAT(line, HasSubstr("first=1 cut=true"));
  EXPECT_THAT(line, Not(HasSubstr("last")));
}

} // namespace
} // namespace godwit::node
