#include "node/config/config_loader.hpp"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include <unistd.h>

#include "config/config_fields.hpp"
#include "node/config/config_values.hpp"
#include "node/config/nearest_key.hpp"
#include "node/config/toml_file.hpp"

namespace godwit::node {
namespace {

using result = expected<void, std::string>;

std::string variable_of(const config::field& which) {
  std::string name = "GODWIT_" + std::string(which.section) + "_" + std::string(which.name);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return static_cast<char>(std::toupper(static_cast<unsigned char>(c))); });
  return name;
}

void make_absolute(const config::field& which, config::node_config& values, const std::filesystem::path& base) {
  auto* text = std::get<std::string*>(which.slot(values));
  if (!text->empty() && std::filesystem::path(*text).is_relative()) {
    *text = (base / *text).lexically_normal().string();
  }
}

result take_file(const std::filesystem::path& file, loaded_config& out) {
  auto entries = read_toml_file(file);
  if (!entries) {
    return unexpected(entries.error());
  }
  std::error_code ignored;
  const auto folder = std::filesystem::absolute(file, ignored).parent_path();
  for (const toml_entry& entry : *entries) {
    const std::string where = file.string() + ":" + std::to_string(entry.line);
    if (entry.name.empty()) {
      return unexpected(where + ": " + unknown_section(entry.section));
    }
    const config::field* which = config::find_field(entry.section, entry.name);
    if (which == nullptr) {
      return unexpected(where + ": " + unknown_key(entry.section, entry.name));
    }
    if (auto taken = take_value(*which, entry.value, out.values); !taken) {
      return unexpected(where + ": " + taken.error());
    }
    if (which->path) {
      make_absolute(*which, out.values, folder);
    }
    out.origins[which->key()] = where;
  }
  return {};
}

/// The section whose variables begin like this one.
bool names_a_section(std::string_view variable) {
  const auto all = config::sections();
  return std::any_of(all.begin(), all.end(), [&](const config::section& each) {
    std::string start = "GODWIT_" + std::string(each.name) + "_";
    std::transform(start.begin(), start.end(), start.begin(),
                   [](char c) { return static_cast<char>(std::toupper(static_cast<unsigned char>(c))); });
    return variable.starts_with(start);
  });
}

result take_environment(const std::vector<std::pair<std::string, std::string>>& variables, loaded_config& out) {
  const auto all = config::fields();
  for (const auto& [name, text] : variables) {
    const auto which =
      std::find_if(all.begin(), all.end(), [&](const config::field& each) { return variable_of(each) == name; });
    if (which == all.end()) {
      // Other tools may use the prefix too; a name that begins like ours is a slip of the operator's.
      if (names_a_section(name)) {
        return unexpected("environment " + name + ": " + unknown_variable(name));
      }
      continue;
    }
    if (auto taken = take_text(*which, text, out.values); !taken) {
      return unexpected("environment " + name + ": " + taken.error());
    }
    out.origins[which->key()] = "environment " + name;
  }
  return {};
}

result take_sets(const std::vector<std::string>& sets, loaded_config& out) {
  for (const std::string& each : sets) {
    const auto equals = each.find('=');
    const auto dot = each.find('.');
    if (equals == std::string::npos || dot == std::string::npos || dot > equals) {
      // Without its value: who forgets the key may have written a secret.
      return unexpected(std::string("--set: write --set section.key=value"));
    }
    const std::string section = each.substr(0, dot);
    const std::string name = each.substr(dot + 1, equals - dot - 1);
    const config::field* which = config::find_field(section, name);
    if (which == nullptr) {
      return unexpected("--set: " + unknown_key(section, name));
    }
    if (auto taken = take_text(*which, each.substr(equals + 1), out.values); !taken) {
      return unexpected("--set: " + taken.error());
    }
    out.origins[which->key()] = "--set";
  }
  return {};
}

result check(const loaded_config& loaded) {
  if (const auto bad = config::validate(loaded.values)) {
    return unexpected(loaded.origin(bad->key) + ": " + bad->key + " " + bad->problem + ": " + bad->remedy);
  }
  return {};
}

} // namespace

std::vector<std::pair<std::string, std::string>> godwit_environment() {
  std::vector<std::pair<std::string, std::string>> found;
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string_view line = *each;
    const auto equals = line.find('=');
    if (line.starts_with("GODWIT_") && equals != std::string_view::npos) {
      found.emplace_back(line.substr(0, equals), line.substr(equals + 1));
    }
  }
  return found;
}

std::string loaded_config::origin(const std::string& key) const {
  const auto found = origins.find(key);
  return found == origins.end() ? "default" : found->second;
}

expected<loaded_config, std::string> load_config(const config_sources& sources) {
  loaded_config loaded;
  result taken;
  if (sources.file) {
    taken = take_file(*sources.file, loaded);
  }
  if (taken) {
    taken = take_environment(sources.environment, loaded);
  }
  if (taken) {
    taken = take_sets(sources.sets, loaded);
  }
  if (taken) {
    taken = check(loaded);
  }
  if (!taken) {
    return unexpected(taken.error());
  }
  return loaded;
}

std::string describe_config(const loaded_config& loaded) {
  std::string out;
  for (const config::section& part : config::sections()) {
    out += (out.empty() ? "[" : "\n[") + std::string(part.name) + "]\n";
    for (const config::field& each : config::fields()) {
      if (each.section == part.name) {
        std::string line = std::string(each.name) + " = " + config::value_text(each, loaded.values);
        line.resize(std::max<std::size_t>(line.size() + 1, 48), ' ');
        out += line + "# " + loaded.origin(each.key()) + "\n";
      }
    }
  }
  return out;
}

std::string describe_config_json(const loaded_config& loaded) {
  nlohmann::json all = nlohmann::json::object();
  for (const config::field& each : config::fields()) {
    // A value's text is JSON already: TOML writes these kinds alike.
    auto value = nlohmann::json::parse(config::value_text(each, loaded.values), nullptr, false);
    all[each.key()] = {{"value", value.is_discarded() ? nlohmann::json() : value},
                       {"origin", loaded.origin(each.key())}};
  }
  return all.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

} // namespace godwit::node
