#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cluster/base/probe.hpp"

namespace godwit::node {

using metric_labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

/// Takes the samples of one scrape. Samples of one name and the same labels are added up, so that each
/// loop reports its own counters. Names come without the prefix `godwit_`, which is put before each.
class metric_writer {
public:
  virtual void counter(std::string_view name, std::string_view help, std::uint64_t value,
                       metric_labels labels = {}) = 0;
  /// For counters that are no whole numbers, such as seconds.
  virtual void counter_seconds(std::string_view name, std::string_view help, double value,
                               metric_labels labels = {}) = 0;
  virtual void gauge(std::string_view name, std::string_view help, double value, metric_labels labels = {}) = 0;
  /// The name ends in `_seconds`.
  virtual void latency(std::string_view name, std::string_view help, const probe::latency_values& values,
                       metric_labels labels = {}) = 0;

protected:
  ~metric_writer() = default;
};

/// What reports metrics: functions that are called at each scrape, on the thread of the metrics endpoint.
class metric_registry {
public:
  using collect = std::function<void(metric_writer&)>;

  /// Ends the reporting when it dies; blocks while a scrape runs. Must not outlive the registry.
  class registration {
  public:
    registration() = default;
    registration(metric_registry& owner, std::uint64_t id) : owner_(&owner), id_(id) {}
    registration(registration&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)), id_(std::exchange(other.id_, 0)) {}
    registration& operator=(registration&& other) noexcept {
      std::swap(owner_, other.owner_);
      std::swap(id_, other.id_);
      return *this;
    }
    ~registration();

  private:
    metric_registry* owner_ = nullptr;
    std::uint64_t id_ = 0;
  };

  /// The function must not block and must not add or remove registrations.
  [[nodiscard]] registration add(collect what);

  /// Every sample in Prometheus' text format.
  [[nodiscard]] std::string scrape();

private:
  void remove(std::uint64_t id);

  std::mutex mutex_;
  std::uint64_t next_id_ = 1;
  std::vector<std::pair<std::uint64_t, collect>> collectors_;
};

} // namespace godwit::node
