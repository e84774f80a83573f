#include "node/config/config_values.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace godwit::node {
namespace {

using config::choice_slot;
using config::field;

struct kind_of {
  std::string operator()(bool) const { return "true or false"; }
  std::string operator()(std::int64_t) const { return "a whole number"; }
  std::string operator()(const std::string&) const { return "a text"; }
  std::string operator()(const std::vector<std::string>&) const { return "a list of texts"; }
  std::string operator()(const other_value& value) const { return value.kind; }
};

/// What a field takes, in words.
std::string wanted(const field& which) {
  struct {
    const field& which;
    std::string operator()(const bool*) const { return "true or false"; }
    std::string operator()(const std::uint64_t*) const { return "a whole number, " + bounds_text(which); }
    std::string operator()(const std::string*) const { return "a text"; }
    std::string operator()(const std::vector<std::string>*) const { return "a list of texts"; }
    std::string operator()(choice_slot) const { return bounds_text(which); }
  } words{which};
  config::node_config scratch;
  return std::visit(words, which.slot(scratch));
}

unexpected<std::string> wrong(const field& which, const std::string& found) {
  return unexpected(which.key() + " takes " + wanted(which) + ", not " + found);
}

/// Where a value of one kind meets a place of the same kind; false for any other pair.
struct assign {
  const field& which;

  bool operator()(bool* to, bool value) const { return (*to = value, true); }
  bool operator()(std::uint64_t* to, std::int64_t value) const {
    *to = static_cast<std::uint64_t>(value);
    return value >= 0;
  }
  bool operator()(std::string* to, const std::string& value) const { return (*to = value, true); }
  bool operator()(std::vector<std::string>* to, const std::vector<std::string>& value) const {
    return (*to = value, true);
  }
  bool operator()(choice_slot to, const std::string& value) const {
    const auto found = std::find(which.choices.begin(), which.choices.end(), value);
    *to.value = static_cast<std::uint8_t>(found - which.choices.begin());
    return found != which.choices.end();
  }
  template <class Slot, class Value>
  bool operator()(Slot, const Value&) const {
    return false;
  }
};

std::string shown(const field& which, const raw_value& value) {
  if (which.secret) {
    return std::visit(kind_of{}, value);
  }
  if (const auto* text = std::get_if<std::string>(&value)) {
    return "\"" + *text + "\"";
  }
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    return std::to_string(*number);
  }
  return std::visit(kind_of{}, value);
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    std::string part = text.substr(begin, end - begin);
    part.erase(0, part.find_first_not_of(' '));
    part.erase(part.find_last_not_of(' ') + 1);
    if (!part.empty()) {
      parts.push_back(std::move(part));
    }
    begin = end + 1;
  }
  return parts;
}

/// Nothing when the text is not of the field's kind.
std::optional<raw_value> read_text(const field& which, const std::string& text) {
  struct {
    const std::string& text;
    std::optional<raw_value> operator()(const bool*) const {
      return text == "true" || text == "false" ? std::optional<raw_value>(text == "true") : std::nullopt;
    }
    std::optional<raw_value> operator()(const std::uint64_t*) const {
      std::int64_t number = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      return error == std::errc{} && end == text.data() + text.size() ? std::optional<raw_value>(number) : std::nullopt;
    }
    std::optional<raw_value> operator()(const std::vector<std::string>*) const { return split(text); }
    std::optional<raw_value> operator()(const std::string*) const { return text; }
    std::optional<raw_value> operator()(choice_slot) const { return text; }
  } reader{text};
  config::node_config scratch;
  return std::visit(reader, which.slot(scratch));
}

} // namespace

expected<void, std::string> take_value(const field& which, const raw_value& value, config::node_config& out) {
  if (!std::visit(assign{which}, which.slot(out), value)) {
    return wrong(which, shown(which, value));
  }
  return {};
}

expected<void, std::string> take_text(const field& which, const std::string& text, config::node_config& out) {
  const auto value = read_text(which, text);
  if (!value) {
    return wrong(which, which.secret ? "this" : "\"" + text + "\"");
  }
  return take_value(which, *value, out);
}

} // namespace godwit::node
