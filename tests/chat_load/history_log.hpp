#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace godwit::chat_load {

/// A JSON object under construction, its members in the order in which they are added.
class json_object {
public:
  json_object& number(std::string_view name, std::int64_t value);
  json_object& seconds(std::string_view name, double value);
  json_object& text(std::string_view name, std::string_view value);
  /// Left out when false, as the format has it.
  json_object& flag(std::string_view name, bool value);
  /// A flag whose absence would say something else.
  json_object& boolean(std::string_view name, bool value);
  /// JSON as it is.
  json_object& json(std::string_view name, std::string_view value);
  /// What another object has, behind.
  json_object& members_of(const json_object& other);

  [[nodiscard]] std::string str() const { return "{" + members_ + "}"; }

private:
  void name(std::string_view name);

  std::string members_;
};

std::string json_text(std::string_view text);
std::string json_list(const std::vector<std::int32_t>& numbers);
std::string json_list(const std::vector<std::string>& values);

/// What one device saw, as tests/checker/README.md has it: a line for each event, in their order.
class history_log {
public:
  explicit history_log(const std::filesystem::path& file);

  void write(std::string_view event, const json_object& what);
  /// Seconds since 1970, of the clock that all devices share.
  static double now();
  void close() { out_.close(); }

private:
  std::ofstream out_;
};

} // namespace godwit::chat_load
