#include "node/metrics/metric_registry.hpp"

#include <algorithm>
#include <map>

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

namespace godwit::node {
namespace {

using labels = std::vector<prometheus::ClientMetric::Label>;

/// Families by name, and in each the samples by their labels.
class scrape_writer final : public metric_writer {
public:
  void counter(std::string_view name, std::string_view help, std::uint64_t value, metric_labels with) override {
    sample(name, help, prometheus::MetricType::Counter, with).counter.value += static_cast<double>(value);
  }

  void counter_seconds(std::string_view name, std::string_view help, double value, metric_labels with) override {
    sample(name, help, prometheus::MetricType::Counter, with).counter.value += value;
  }

  void gauge(std::string_view name, std::string_view help, double value, metric_labels with) override {
    sample(name, help, prometheus::MetricType::Gauge, with).gauge.value += value;
  }

  void latency(std::string_view name, std::string_view help, const probe::latency_values& values,
               metric_labels with) override {
    auto& histogram = sample(name, help, prometheus::MetricType::Histogram, with).histogram;
    histogram.bucket.resize(probe::latency_bounds_us.size());
    std::uint64_t cumulative = 0;
    for (std::size_t i = 0; i < histogram.bucket.size(); ++i) {
      cumulative += values.buckets[i];
      histogram.bucket[i].upper_bound = static_cast<double>(probe::latency_bounds_us[i]) / 1e6;
      histogram.bucket[i].cumulative_count += cumulative;
    }
    histogram.sample_count += cumulative + values.buckets.back();
    histogram.sample_sum += static_cast<double>(values.sum_us) / 1e6;
  }

  [[nodiscard]] std::string text() && {
    std::vector<prometheus::MetricFamily> all;
    for (auto& [name, one] : families_) {
      for (auto& [key, metric] : one.samples) {
        one.head.metric.push_back(std::move(metric));
      }
      all.push_back(std::move(one.head));
    }
    return prometheus::TextSerializer().Serialize(all);
  }

private:
  struct family {
    prometheus::MetricFamily head;
    std::map<labels, prometheus::ClientMetric> samples;
  };

  prometheus::ClientMetric& sample(std::string_view name, std::string_view help, prometheus::MetricType type,
                                   metric_labels with) {
    family& of = families_["godwit_" + std::string(name)];
    if (of.head.name.empty()) {
      of.head.name = "godwit_" + std::string(name);
      of.head.help = help;
      of.head.type = type;
    }
    labels key;
    for (const auto& [label, value] : with) {
      key.push_back({std::string(label), std::string(value)});
    }
    std::sort(key.begin(), key.end());
    prometheus::ClientMetric& metric = of.samples[key];
    metric.label = std::move(key);
    return metric;
  }

  std::map<std::string, family> families_;
};

} // namespace

metric_registry::registration::~registration() {
  if (owner_ != nullptr) {
    owner_->remove(id_);
  }
}

metric_registry::registration metric_registry::add(collect what) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t id = next_id_++;
  collectors_.emplace_back(id, std::move(what));
  return {*this, id};
}

void metric_registry::remove(std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  std::erase_if(collectors_, [&](const auto& each) { return each.first == id; });
}

std::string metric_registry::scrape() {
  scrape_writer writer;
  const std::lock_guard lock(mutex_);
  for (const auto& [id, collector] : collectors_) {
    collector(writer);
  }
  return std::move(writer).text();
}

} // namespace godwit::node
