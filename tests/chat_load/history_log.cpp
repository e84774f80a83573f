#include "tests/chat_load/history_log.hpp"

#include <chrono>
#include <cstdio>
#include <stdexcept>

namespace godwit::chat_load {
namespace {

std::string joined(const std::vector<std::string>& values) {
  std::string made = "[";
  for (const std::string& each : values) {
    made += (made.size() > 1 ? "," : "") + each;
  }
  return made + "]";
}

std::string seconds_text(double value) {
  char text[40];
  std::snprintf(text, sizeof(text), "%.6f", value);
  return text;
}

} // namespace

std::string json_text(std::string_view text) {
  std::string made = "\"";
  for (const char each : text) {
    if (each == '"' || each == '\\') {
      made += '\\';
      made += each;
    } else if (static_cast<unsigned char>(each) < 0x20) {
      char escaped[8];
      std::snprintf(escaped, sizeof(escaped), "\\u%04x", static_cast<unsigned>(each));
      made += escaped;
    } else {
      made += each;
    }
  }
  return made + "\"";
}

std::string json_list(const std::vector<std::int32_t>& numbers) {
  std::vector<std::string> values;
  for (const std::int32_t each : numbers) {
    values.push_back(std::to_string(each));
  }
  return joined(values);
}

std::string json_list(const std::vector<std::string>& values) { return joined(values); }

void json_object::name(std::string_view name) {
  members_ += members_.empty() ? "\"" : ",\"";
  members_ += name;
  members_ += "\":";
}

json_object& json_object::number(std::string_view of, std::int64_t value) { return json(of, std::to_string(value)); }

json_object& json_object::seconds(std::string_view of, double value) { return json(of, seconds_text(value)); }

json_object& json_object::text(std::string_view of, std::string_view value) { return json(of, json_text(value)); }

json_object& json_object::flag(std::string_view of, bool value) { return value ? json(of, "true") : *this; }

json_object& json_object::boolean(std::string_view of, bool value) { return json(of, value ? "true" : "false"); }

json_object& json_object::json(std::string_view of, std::string_view value) {
  name(of);
  members_ += value;
  return *this;
}

json_object& json_object::members_of(const json_object& other) {
  members_ += members_.empty() || other.members_.empty() ? "" : ",";
  members_ += other.members_;
  return *this;
}

history_log::history_log(const std::filesystem::path& file) : out_(file, std::ios::trunc) {
  if (!out_) {
    throw std::runtime_error("cannot write " + file.string());
  }
}

double history_log::now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

void history_log::write(std::string_view event, const json_object& what) {
  json_object line;
  line.text("e", event).seconds("t", now()).members_of(what);
  out_ << line.str() << '\n';
}

} // namespace godwit::chat_load
