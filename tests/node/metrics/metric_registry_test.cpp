#include "node/metrics/metric_registry.hpp"

#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node/metrics/process_metrics.hpp"

namespace godwit::node {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// Goal: Prometheus' text with our prefix; the same name and labels from several loops is one sample, other
// labels are another.
TEST(metric_registry, AddsUpWhatSeveralLoopsReport) {
  metric_registry registry;
  std::vector<metric_registry::registration> loops;
  for (std::uint64_t loop = 1; loop <= 3; ++loop) {
    loops.push_back(registry.add([loop](metric_writer& out) {
      out.counter("rpc_calls_total", "Calls.", loop, {{"method", "ping"}, {"result", "ok"}});
      out.counter("rpc_calls_total", "Calls.", 10, {{"result", "error"}, {"method", "ping"}});
      out.gauge("sessions", "Sessions.", 2);
    }));
  }
  const std::string text = registry.scrape();
  EXPECT_THAT(text, HasSubstr("# HELP godwit_rpc_calls_total Calls.\n# TYPE godwit_rpc_calls_total counter\n"));
  EXPECT_THAT(text, HasSubstr("godwit_rpc_calls_total{method=\"ping\",result=\"ok\"} 6\n"));
  EXPECT_THAT(text, HasSubstr("godwit_rpc_calls_total{method=\"ping\",result=\"error\"} 30\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE godwit_sessions gauge\ngodwit_sessions 6\n"));
}

// Goal: a histogram's buckets are cumulative and in seconds, as Prometheus wants them, also when they
// are added up.
TEST(metric_registry, WritesHistogramsCumulativelyInSeconds) {
  probe::latency_histogram histogram;
  histogram.observe(std::chrono::microseconds(40));
  histogram.observe(std::chrono::microseconds(400));
  histogram.observe(std::chrono::minutes(1));
  metric_registry registry;
  const auto collect = [&](metric_writer& out) { out.latency("rpc_seconds", "Time.", histogram.values()); };
  const auto one = registry.add(collect);
  const auto two = registry.add(collect);
  const std::string text = registry.scrape();
  EXPECT_THAT(text, HasSubstr("godwit_rpc_seconds_count 6\n"));
  EXPECT_THAT(text, HasSubstr("godwit_rpc_seconds_sum 120.00"));
  EXPECT_THAT(text, HasSubstr("godwit_rpc_seconds_bucket{le=\"5e-05\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("godwit_rpc_seconds_bucket{le=\"0.0005\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("godwit_rpc_seconds_bucket{le=\"30\"} 4\n"));
  EXPECT_THAT(text, HasSubstr("godwit_rpc_seconds_bucket{le=\"+Inf\"} 6\n"));
}

// Goal: what ends takes its metrics along, and a moved registration is still one.
TEST(metric_registry, ARegistrationThatEndsReportsNoMore) {
  metric_registry registry;
  std::optional<metric_registry::registration> held;
  {
    auto first = registry.add([](metric_writer& out) { out.gauge("x", "X.", 1); });
    held.emplace(std::move(first));
  }
  EXPECT_THAT(registry.scrape(), HasSubstr("godwit_x 1"));
  held.reset();
  EXPECT_THAT(registry.scrape(), Not(HasSubstr("godwit_x")));
}

// Goal: the figures of this very process are plausible.
TEST(process_metrics, TellThisProcess) {
  metric_registry registry;
  const auto held = registry.add(collect_process_metrics);
  const std::string text = registry.scrape();
  const auto value = [&](const std::string& name) {
    const auto at = text.find("\ngodwit_" + name + " ");
    return at == std::string::npos ? -1.0 : std::stod(text.substr(at + name.size() + 9));
  };
  EXPECT_GT(value("process_resident_memory_bytes"), 1e6);
  EXPECT_GE(value("process_threads"), 1);
  EXPECT_GE(value("process_open_fds"), 3);
  EXPECT_GT(value("process_max_fds"), value("process_open_fds"));
  const auto now = static_cast<double>(std::time(nullptr));
  EXPECT_LE(value("process_start_time_seconds"), now + 1);
  EXPECT_GT(value("process_start_time_seconds"), now - 3600);
  EXPECT_THAT(text,
              AllOf(HasSubstr("godwit_process_cpu_seconds_total{mode=\"user\"}"), HasSubstr("{mode=\"system\"}")));
}

} // namespace
} // namespace godwit::node
