#include "cluster/base/log.hpp"

#include <algorithm>
#include <array>
#include <mutex>

namespace godwit::log {

/// Components register themselves while the program starts and are never removed.
struct component_list {
  static std::mutex& mutex() {
    static std::mutex one;
    return one;
  }
  static component*& first() {
    static component* head = nullptr;
    return head;
  }
  static void add(component& what) {
    const std::lock_guard lock(mutex());
    what.next_ = first();
    first() = &what;
  }
  template <class Visit>
  static void for_each(Visit visit) {
    const std::lock_guard lock(mutex());
    for (component* each = first(); each != nullptr; each = each->next_) {
      visit(*each, each->threshold_);
    }
  }
};

namespace {

constexpr std::array<std::string_view, 6> level_names = {"trace", "debug", "info", "warning", "error", "off"};

std::atomic<sink*> installed{nullptr};

void send(const component& from, level severity, std::string_view what, fields with, std::uint64_t suppressed) {
  sink* const where = installed.load(std::memory_order_acquire);
  if (where == nullptr) {
    return;
  }
  where->write({.time = std::chrono::system_clock::now(),
                .severity = severity,
                .component = from.name(),
                .what = what,
                .fields = std::span(with.begin(), with.size()),
                .suppressed = suppressed});
}

} // namespace

std::string_view to_string(level which) {
  const auto index = static_cast<std::size_t>(which);
  return index < level_names.size() ? level_names[index] : "unknown";
}

std::optional<level> level_from(std::string_view name) {
  const auto found = std::find(level_names.begin(), level_names.end(), name);
  if (found == level_names.end()) {
    return std::nullopt;
  }
  return static_cast<level>(found - level_names.begin());
}

component::component(const char* name) : name_(name), threshold_(level::info) { component_list::add(*this); }

void install(sink* where) { installed.store(where, std::memory_order_release); }

std::optional<std::uint64_t> site::admit(std::chrono::steady_clock::time_point now) {
  const std::int64_t now_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count();
  std::int64_t free_at = free_at_ns_.load(std::memory_order_relaxed);
  for (;;) {
    const std::int64_t begin = std::max(free_at, now_ns);
    if (begin - now_ns > (burst_ - 1) * interval_ns_) {
      suppressed_.fetch_add(1, std::memory_order_relaxed);
      return std::nullopt;
    }
    if (free_at_ns_.compare_exchange_weak(free_at, begin + interval_ns_, std::memory_order_relaxed)) {
      return suppressed_.exchange(0, std::memory_order_relaxed);
    }
  }
}

void write(component& from, level severity, std::string_view what, fields what_with) {
  if (from.enabled(severity)) {
    send(from, severity, what, what_with, 0);
  }
}

void write(site& limit, component& from, level severity, std::string_view what, fields what_with) {
  if (!from.enabled(severity)) {
    return;
  }
  if (const auto suppressed = limit.admit(std::chrono::steady_clock::now())) {
    send(from, severity, what, what_with, *suppressed);
  }
}

bool set_level(std::string_view component_name, level threshold) {
  bool found = false;
  const bool every = component_name.empty() || component_name == "all";
  component_list::for_each([&](const component& each, std::atomic<level>& value) {
    if (every || each.name() == component_name) {
      value.store(threshold, std::memory_order_relaxed);
      found = true;
    }
  });
  return found;
}

std::vector<component_level> levels() {
  std::vector<component_level> all;
  component_list::for_each([&](const component& each, std::atomic<level>&) {
    all.push_back({each.name(), each.threshold()});
  });
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  all.erase(std::unique(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name == b.name; }),
            all.end());
  return all;
}

} // namespace godwit::log
