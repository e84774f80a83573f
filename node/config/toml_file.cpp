#include "node/config/toml_file.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <system_error>
#include <toml++/toml.h>

#include "config/config_fields.hpp"
#include "config/limits.hpp"

namespace godwit::node {
namespace {

raw_value value_of(const toml::node& node) {
  if (const auto* flag = node.as_boolean()) {
    return flag->get();
  }
  if (const auto* number = node.as_integer()) {
    return number->get();
  }
  if (const auto* text = node.as_string()) {
    return text->get();
  }
  if (const auto* list = node.as_array()) {
    std::vector<std::string> texts;
    for (const toml::node& each : *list) {
      if (const auto* text = each.as_string()) {
        texts.push_back(text->get());
      } else {
        return other_value{"a list with something else than texts"};
      }
    }
    return texts;
  }
  if (node.is_floating_point()) {
    return other_value{"a number with a fraction"};
  }
  return other_value{node.is_table() ? "a section" : "a date or time"};
}

bool is_section(std::string_view name) {
  const auto all = config::sections();
  return std::any_of(all.begin(), all.end(), [&](const config::section& each) { return each.name == name; });
}

std::vector<toml_entry> entries_of(const toml::table& document) {
  std::vector<toml_entry> entries;
  for (const auto& [name, node] : document) {
    const toml::table* section = node.as_table();
    if (section == nullptr) {
      entries.push_back({"", std::string(name.str()), name.source().begin.line, value_of(node)});
    } else if (!is_section(name.str())) {
      entries.push_back({std::string(name.str()), "", name.source().begin.line, other_value{"a section"}});
    } else {
      for (const auto& [key, value] : *section) {
        entries.push_back({std::string(name.str()), std::string(key.str()), key.source().begin.line, value_of(value)});
      }
    }
  }
  std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.line < b.line; });
  return entries;
}

} // namespace

expected<std::vector<toml_entry>, std::string> read_toml_file(const std::filesystem::path& file) {
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  std::string text;
  if (in) {
    text.resize(limits::config_file_bytes_max + 1);
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(in.gcount()));
  }
  if (!in.is_open() || in.bad() || (in.fail() && !in.eof())) {
    const int error = errno != 0 ? errno : EIO;
    return unexpected(file.string() + ": cannot be read: " + std::generic_category().message(error) +
                      ". Name the settings file that `godwit init` wrote.");
  }
  if (text.size() > limits::config_file_bytes_max) {
    return unexpected(file.string() + ": is too large for a settings file; the largest has " +
                      std::to_string(limits::config_file_bytes_max) + " bytes");
  }
  try {
    return entries_of(toml::parse(text, file.string()));
  } catch (const toml::parse_error& error) {
    return unexpected(file.string() + ":" + std::to_string(error.source().begin.line) +
                      ": is not TOML: " + std::string(error.description()));
  } catch (const std::exception&) {
    return unexpected(file.string() + ": cannot be read as TOML");
  }
}

} // namespace godwit::node
