#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

/// Structured log lines: an event and its fields, from a component whose level can be changed while the
/// node runs. Here is only what the code that logs needs to know; node/log turns records into text.
///
///   inline log::component gateway_log{"gateway"};
///   log::info(gateway_log, "session_opened", {{"session", id}, {"layer", layer}});
///
/// Never logged: secrets, texts of messages, phone numbers, and bytes that a client sent. Errors name
/// the rule that was broken, not what broke it.
namespace godwit::log {

enum class level : std::uint8_t { trace, debug, info, warning, error, off };

std::string_view to_string(level which);
/// Accepts the names that to_string gives.
std::optional<level> level_from(std::string_view name);

/// A part of the program, by the name its lines bear. Lives as long as the process; make it an inline or
/// static variable. Two with one name share nothing but the name: set_level reaches both.
class component {
public:
  explicit component(const char* name);
  component(const component&) = delete;
  component& operator=(const component&) = delete;

  [[nodiscard]] std::string_view name() const { return name_; }
  [[nodiscard]] level threshold() const { return threshold_.load(std::memory_order_relaxed); }
  /// Cheap enough to ask on every path before fields are computed.
  [[nodiscard]] bool enabled(level which) const { return which >= threshold(); }

private:
  friend struct component_list;

  const char* name_;
  std::atomic<level> threshold_;
  component* next_ = nullptr;
};

/// One value under its name. Holds views: nothing is copied before a sink formats it.
struct field {
  using any = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool>;

  std::string_view key;
  any value;

  field(std::string_view name, std::string_view text) : key(name), value(text) {}
  field(std::string_view name, const char* text) : key(name), value(std::string_view(text)) {}
  field(std::string_view name, bool flag) : key(name), value(flag) {}
  template <class T>
  requires(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) field(std::string_view name, T number)
      : key(name), value(widened(number)) {}
  /// Strong ids.
  template <class T>
  requires requires(const T& id) { id.value(); }
  field(std::string_view name, const T& id) : key(name), value(widened(id.value())) {}

private:
  template <class T>
  static any widened(T number) {
    if constexpr (std::is_floating_point_v<T>) {
      return static_cast<double>(number);
    } else if constexpr (std::is_signed_v<T>) {
      return static_cast<std::int64_t>(number);
    } else {
      return static_cast<std::uint64_t>(number);
    }
  }
};

struct record {
  std::chrono::system_clock::time_point time;
  level severity = level::info;
  std::string_view component;
  std::string_view what; ///< the event, in snake_case
  std::span<const field> fields;
  std::uint64_t suppressed = 0; ///< lines of the same site that were left out since its last one
};

/// Where lines go. Called from any thread; must neither block nor throw.
class sink {
public:
  virtual ~sink() = default;
  virtual void write(const record& line) noexcept = 0;
};

/// Sends lines to `where` from now on; nullptr drops them, as before the first call. The sink must
/// outlive every thread that logs, or be replaced while none does.
void install(sink* where);

/// Bounds the lines of one place in the code, for whatever clients can provoke: a burst, then so many
/// per second; what is left out is counted and told by the next line.
///
///   static log::site refused{};
///   log::warning(refused, edge_log, "frame_refused", {{"reason", to_string(why)}});
class site {
public:
  explicit constexpr site(std::uint32_t lines_per_second = 1, std::uint32_t burst = 10)
      : interval_ns_(1'000'000'000 / (lines_per_second == 0 ? 1 : lines_per_second)), burst_(burst == 0 ? 1 : burst) {}
  site(const site&) = delete;
  site& operator=(const site&) = delete;

  /// How many lines were left out before this one, or nothing when this one is left out too. Any thread.
  std::optional<std::uint64_t> admit(std::chrono::steady_clock::time_point now);

private:
  const std::int64_t interval_ns_;
  const std::int64_t burst_;
  std::atomic<std::int64_t> free_at_ns_{0}; ///< when the burst is whole again
  std::atomic<std::uint64_t> suppressed_{0};
};

using fields = std::initializer_list<field>;

void write(component& from, level severity, std::string_view what, fields what_with = {});
void write(site& limit, component& from, level severity, std::string_view what, fields what_with = {});

inline void debug(component& from, std::string_view what, fields with = {}) { write(from, level::debug, what, with); }
inline void info(component& from, std::string_view what, fields with = {}) { write(from, level::info, what, with); }
inline void warning(component& from, std::string_view what, fields with = {}) {
  write(from, level::warning, what, with);
}
inline void error(component& from, std::string_view what, fields with = {}) { write(from, level::error, what, with); }

inline void debug(site& limit, component& from, std::string_view what, fields with = {}) {
  write(limit, from, level::debug, what, with);
}
inline void info(site& limit, component& from, std::string_view what, fields with = {}) {
  write(limit, from, level::info, what, with);
}
inline void warning(site& limit, component& from, std::string_view what, fields with = {}) {
  write(limit, from, level::warning, what, with);
}
inline void error(site& limit, component& from, std::string_view what, fields with = {}) {
  write(limit, from, level::error, what, with);
}

// --- levels, from any thread ---

/// Sets the level of the components of that name; an empty name or "all" is every one. False when there
/// is none of that name.
bool set_level(std::string_view component_name, level threshold);

struct component_level {
  std::string_view name;
  level threshold;
};

/// Every component of the program, sorted by name.
std::vector<component_level> levels();

} // namespace godwit::log
