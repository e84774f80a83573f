#include "node/log/logging.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace godwit::node {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

log::component test_log{"test"};
log::component other_log{"other"};

class logging_test : public ::testing::Test {
protected:
  logging_test() {
    std::string name = (std::filesystem::temp_directory_path() / "godwit_log_XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~logging_test() override {
    log::set_level("all", log::level::info);
    std::filesystem::remove_all(folder_);
  }

  [[nodiscard]] std::filesystem::path file() const { return folder_ / "log"; }

  std::unique_ptr<logging> start(std::size_t queue_lines_max = 1024) {
    auto started = logging::start({.file = file(), .format = line_format::logfmt, .queue_lines_max = queue_lines_max});
    EXPECT_TRUE(started) << (started ? "" : started.error());
    return started ? std::move(*started) : nullptr;
  }

  static std::string read(const std::filesystem::path& from) {
    std::ifstream in(from);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  static std::ptrdiff_t count_of(const std::string& text, char c) { return std::count(text.begin(), text.end(), c); }

  std::filesystem::path folder_;
};

// Goal: every line of every thread arrives whole, and the end of the log loses none.
TEST_F(logging_test, LinesOfManyThreadsArriveWhole) {
  constexpr int each_max = 500;
  {
    auto lines = start(8192);
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([thread] {
        for (int i = 0; i < each_max; ++i) {
          log::info(test_log, "line", {{"thread", thread}, {"i", i}});
        }
      });
    }
    for (std::thread& each : threads) {
      each.join();
    }
    lines->flush();
    EXPECT_EQ(count_of(read(file()), '\n'), 4 * each_max);
    log::info(test_log, "last");
  }
  const std::string text = read(file());
  EXPECT_EQ(count_of(text, '\n'), 4 * each_max + 1);
  EXPECT_THAT(text, HasSubstr("component=test what=line thread=3 i=499\n"));
  EXPECT_THAT(text, HasSubstr("what=last\n"));
  log::info(test_log, "nobody_listens");
  EXPECT_EQ(read(file()), text);
}

// Goal: levels are per component and change while the log runs.
TEST_F(logging_test, LevelsAreByComponentAndCanChange) {
  auto lines = start();
  log::debug(test_log, "one");
  ASSERT_TRUE(log::set_level("test", log::level::debug));
  log::debug(test_log, "two");
  log::debug(other_log, "three");
  ASSERT_TRUE(log::set_level("other", log::level::off));
  log::error(other_log, "four");
  EXPECT_FALSE(log::set_level("no_such_component", log::level::debug));
  lines->flush();
  const std::string text = read(file());
  EXPECT_THAT(text, HasSubstr("what=two"));
  for (const char* each : {"what=one", "what=three", "what=four"}) {
    EXPECT_THAT(text, Not(HasSubstr(each)));
  }
  bool found = false;
  for (const log::component_level& each : log::levels()) {
    found = found || (each.name == "other" && each.threshold == log::level::off);
  }
  EXPECT_TRUE(found);
}

// Goal: what a client can provoke does not flood the log, and nothing is hidden: the lines left out are
// counted. Method: the clock is an input.
TEST_F(logging_test, ASiteLetsABurstThroughThenItsRateAndCountsTheRest) {
  log::site site(1, 3);
  std::chrono::steady_clock::time_point now{std::chrono::hours(1)};
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(site.admit(now), 0U) << i;
  }
  for (int i = 0; i < 7; ++i) {
    EXPECT_FALSE(site.admit(now).has_value()) << i;
  }
  now += std::chrono::milliseconds(999);
  EXPECT_FALSE(site.admit(now).has_value());
  now += std::chrono::milliseconds(1);
  EXPECT_EQ(site.admit(now), 8U);
  EXPECT_FALSE(site.admit(now).has_value());
  now += std::chrono::hours(1);
  EXPECT_EQ(site.admit(now), 1U);
  EXPECT_EQ(site.admit(now), 0U);
  EXPECT_EQ(site.admit(now), 0U);
  EXPECT_FALSE(site.admit(now).has_value());
}

// Goal: the same through the log.
TEST_F(logging_test, AFloodFromOneSiteIsAFewLines) {
  auto lines = start(200'000);
  log::site site;
  for (int i = 0; i < 100'000; ++i) {
    log::warning(site, test_log, "provoked", {{"i", i}});
  }
  lines->flush();
  const auto written = count_of(read(file()), '\n');
  EXPECT_GE(written, 10);
  EXPECT_LE(written, 30) << "ten at once, then one a second";
}

// Goal: an operator can move the file away (SIGHUP), and a folder that is gone keeps the old one in use.
TEST_F(logging_test, TheFileIsOpenedAnewWhenAsked) {
  auto lines = start();
  log::info(test_log, "before");
  lines->flush();
  std::filesystem::rename(file(), folder_ / "log.1");
  log::info(test_log, "between");
  lines->flush();
  lines->reopen();
  log::info(test_log, "after");
  lines->flush();
  EXPECT_THAT(read(folder_ / "log.1"), HasSubstr("what=between"));
  EXPECT_THAT(read(file()), HasSubstr("what=after"));
  EXPECT_THAT(read(file()), Not(HasSubstr("what=between")));

  std::filesystem::rename(folder_, folder_.string() + ".moved");
  lines->reopen();
  log::info(test_log, "kept");
  lines->flush();
  std::filesystem::rename(folder_.string() + ".moved", folder_);
  EXPECT_THAT(read(file()), HasSubstr("what=kept"));
}

// Goal: a writer that hangs holds nobody who logs: the queue stays bounded, and what is lost is counted.
// Method: the file is a pipe that nobody reads until the end.
TEST_F(logging_test, AWriterThatHangsHoldsNobodyWhoLogs) {
  ASSERT_EQ(::mkfifo(file().c_str(), 0600), 0);
  const int reader = ::open(file().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  auto lines = start(64);
  ASSERT_NE(lines, nullptr);
  const std::string large(1000, 'x');
  for (int i = 0; i < 2000; ++i) { // 2 MB, where a pipe holds 64 KB
    log::info(test_log, "line", {{"text", large}});
  }
  EXPECT_GT(lines->lost(), 1500U);
  // Now somebody reads, and the log can end.
  std::thread drain([reader] {
    ::fcntl(reader, F_SETFL, 0);
    std::vector<char> some(65536);
    while (::read(reader, some.data(), some.size()) > 0) {
    }
  });
  lines.reset();
  drain.join();
  ::close(reader);
}

// Goal: a file that cannot be opened is told before the node starts.
TEST_F(logging_test, AFileThatCannotBeOpenedIsNamedWithARemedy) {
  const auto started = logging::start({.file = folder_ / "none" / "log"});
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error(), HasSubstr((folder_ / "none" / "log").string()));
  EXPECT_THAT(started.error(), HasSubstr("No such file"));
}

} // namespace
} // namespace godwit::node
