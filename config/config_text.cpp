// What people read off the table of fields.

#include <algorithm>

#include "config/config_fields.hpp"

namespace godwit::config {
namespace {

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      static constexpr std::string_view digits = "0123456789abcdef";
      out += "\\u00";
      out += digits[byte >> 4];
      out += digits[byte & 15];
    } else {
      out += c;
    }
  }
  return out + '"';
}

struct text_of {
  const field& which;

  std::string operator()(const bool* value) const { return *value ? "true" : "false"; }
  std::string operator()(const std::uint64_t* value) const { return std::to_string(*value); }
  std::string operator()(const std::string* value) const { return quoted(*value); }
  std::string operator()(const std::vector<std::string>* value) const {
    std::string out = "[";
    for (const std::string& each : *value) {
      out += (out.size() > 1 ? ", " : "") + quoted(each);
    }
    return out + "]";
  }
  std::string operator()(choice_slot slot) const {
    return *slot.value < which.choices.size() ? quoted(which.choices[*slot.value]) : "\"\"";
  }
};

/// Whether there is something to keep secret.
struct is_set {
  bool operator()(std::string* value) const { return !value->empty(); }
  bool operator()(std::vector<std::string>* value) const { return !value->empty(); }
  template <class Other>
  bool operator()(Other) const {
    return true;
  }
};

/// Comment lines of at most `width` columns.
std::string commented(std::string_view text, std::size_t width) {
  std::string out;
  std::string line = "#";
  while (!text.empty()) {
    const auto space = std::min(text.find(' '), text.size());
    if (line.size() > 1 && line.size() + 1 + space > width) {
      out += line + "\n";
      line = "#";
    }
    line += ' ';
    line += text.substr(0, space);
    text.remove_prefix(std::min(space + 1, text.size()));
  }
  return out + line + "\n";
}

} // namespace

std::string value_text(const field& which, const node_config& values, bool reveal) {
  // A slot is for writing too; nothing is written here.
  const field_slot slot = which.slot(const_cast<node_config&>(values));
  if (which.secret && !reveal && std::visit(is_set{}, slot)) {
    return std::holds_alternative<std::vector<std::string>*>(slot) ? "[\"***\"]" : "\"***\"";
  }
  return std::visit(text_of{which}, slot);
}

std::string bounds_text(const field& which) {
  if (!which.choices.empty()) {
    std::string out;
    for (std::size_t i = 0; i < which.choices.size(); ++i) {
      out += (i == 0 ? "" : i + 1 == which.choices.size() ? " or " : ", ") + std::string(which.choices[i]);
    }
    return out;
  }
  node_config defaults;
  if (!std::holds_alternative<std::uint64_t*>(which.slot(defaults))) {
    return {};
  }
  return std::to_string(which.min) + " to " + std::to_string(which.max);
}

std::string example_text() {
  const node_config defaults;
  std::string out = "# Every key of the configuration with its default. A key that is left out has it too; a key that\n"
                    "# is not known is refused. `--set section.key=value` and the environment variable\n"
                    "# GODWIT_SECTION_KEY overrule the file, in this order: file, environment, --set.\n";
  for (const section& part : sections()) {
    out += "\n" + commented(part.meaning, 100) + "[" + std::string(part.name) + "]\n";
    for (const field& each : fields()) {
      if (each.section != part.name) {
        continue;
      }
      std::string about(each.meaning);
      if (const std::string bounds = bounds_text(each); !bounds.empty()) {
        about += " " + bounds + (each.unit.empty() || !each.choices.empty() ? "" : " " + std::string(each.unit)) + ".";
      }
      if (each.while_running) {
        about += " Can change while the node runs.";
      }
      out += "\n" + commented(about, 100) + std::string(each.name) + " = " + value_text(each, defaults) + "\n";
    }
  }
  return out;
}

std::string manual_text() {
  const node_config defaults;
  std::string out = "| key | default | unit, bounds | meaning |\n|---|---|---|---|\n";
  for (const field& each : fields()) {
    std::string bounds = bounds_text(each);
    if (!each.unit.empty()) {
      bounds += " " + std::string(each.unit);
    }
    out += "| `" + each.key() + "` | `" + value_text(each, defaults) + "` | " + bounds + " | " +
           std::string(each.meaning) + (each.while_running ? " Can change while the node runs." : "") + " |\n";
  }
  return out;
}

} // namespace godwit::config
