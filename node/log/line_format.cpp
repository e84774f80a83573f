#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "config/limits.hpp"
#include "node/log/logging.hpp"

namespace godwit::node {
namespace {

std::string time_text(std::chrono::system_clock::time_point when) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(when);
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(when - seconds).count();
  const std::time_t unix_seconds = std::chrono::system_clock::to_time_t(seconds);
  std::tm parts{};
  gmtime_r(&unix_seconds, &parts);
  std::array<char, 32> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::array<char, 8> rest{};
  std::snprintf(rest.data(), rest.size(), ".%03dZ", static_cast<int>(ms));
  return std::string(text.data(), size) + rest.data();
}

bool plain(std::string_view text) {
  for (const char c : text) {
    if (c <= ' ' || c >= '\x7f' || c == '"' || c == '=' || c == '\\') {
      return false;
    }
  }
  return !text.empty();
}

/// In quotes, with everything escaped that could break a line, a terminal or a parser. Bytes beyond
/// ASCII stay: they are UTF-8, or the reader's tool replaces them.
void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      std::array<char, 8> code{};
      std::snprintf(code.data(), code.size(), "\\u%04x", static_cast<unsigned>(byte));
      out += code.data();
    } else {
      out += c;
    }
  }
  out += '"';
}

std::string number_text(double value) {
  if (!std::isfinite(value)) {
    return "null";
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.6g", value);
  return text.data();
}

class line_writer {
public:
  explicit line_writer(line_format format) : format_(format) { text_ = json() ? "{" : ""; }

  void text(std::string_view key, std::string_view value) {
    begin(key);
    if (!json() && plain(value)) {
      text_ += value;
    } else {
      append_quoted(text_, value);
    }
  }
  void bare(std::string_view key, std::string_view value) {
    begin(key);
    text_ += value;
  }
  void add(const log::field& field) {
    std::visit(
      [&](const auto& value) {
        using type = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<type, std::string_view>) {
          text(field.key, value);
        } else if constexpr (std::is_same_v<type, bool>) {
          bare(field.key, value ? "true" : "false");
        } else if constexpr (std::is_same_v<type, double>) {
          bare(field.key, number_text(value));
        } else {
          bare(field.key, std::to_string(value));
        }
      },
      field.value);
  }
  [[nodiscard]] std::size_t size() const { return text_.size(); }
  std::string finish() && {
    if (json()) {
      text_ += '}';
    }
    return std::move(text_);
  }

private:
  [[nodiscard]] bool json() const { return format_ == line_format::json; }

  void begin(std::string_view key) {
    if (text_.size() > 1) {
      text_ += json() ? ',' : ' ';
    }
    if (json()) {
      append_quoted(text_, key);
      text_ += ':';
    } else {
      text_ += key;
      text_ += '=';
    }
  }

  line_format format_;
  std::string text_;
};

} // namespace

std::string format_line(const log::record& line, line_format format) {
  line_writer out(format);
  out.text("ts", time_text(line.time));
  out.text("level", log::to_string(line.severity));
  out.text("component", line.component);
  out.text("what", line.what);
  if (line.suppressed > 0) {
    out.bare("suppressed", std::to_string(line.suppressed));
  }
  for (const log::field& each : line.fields) {
    const auto* text = std::get_if<std::string_view>(&each.value);
    const std::size_t more = each.key.size() + (text != nullptr ? text->size() : 0) + 32;
    if (out.size() + more > limits::log_line_bytes_max) {
      out.bare("cut", "true");
      break;
    }
    out.add(each);
  }
  return std::move(out).finish();
}

} // namespace godwit::node
