#include "node/config/nearest_key.hpp"

#include <algorithm>
#include <cctype>
#include <numeric>
#include <vector>

#include "config/config_fields.hpp"

namespace godwit::node {
namespace {

/// How many letters have to be put in, taken out or replaced.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

/// The nearest of the names, or none when it is too far to be meant.
std::string nearest(std::string_view to, const std::vector<std::string>& names) {
  // Nobody writes a key this long; the distance would take its time.
  if (to.size() > 200 || names.empty()) {
    return {};
  }
  const auto best = std::min_element(names.begin(), names.end(), [&](const std::string& a, const std::string& b) {
    return distance(to, a) < distance(to, b);
  });
  return distance(to, *best) <= std::max<std::size_t>(2, best->size() / 3) ? *best : std::string{};
}

std::string suggestion(const std::string& name) {
  return name.empty() ? "; `godwit config defaults` lists the known ones" : "; did you mean " + name + "?";
}

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return static_cast<char>(std::toupper(static_cast<unsigned char>(c))); });
  return text;
}

} // namespace

std::string unknown_key(std::string_view section, std::string_view name) {
  std::vector<std::string> keys;
  for (const config::field& each : config::fields()) {
    keys.push_back(each.key());
  }
  std::string key = (section.empty() ? "" : std::string(section) + ".") + std::string(name);
  std::string best = nearest(key, keys);
  if (best.empty()) {
    // The right name in a wrong section.
    for (const config::field& each : config::fields()) {
      if (each.name == name) {
        best = each.key();
      }
    }
  }
  return key + " is not a known key" + suggestion(best);
}

std::string unknown_section(std::string_view section) {
  std::vector<std::string> names;
  for (const config::section& each : config::sections()) {
    names.emplace_back(each.name);
  }
  const std::string best = nearest(section, names);
  return "[" + std::string(section) + "] is not a known section" + suggestion(best.empty() ? "" : "[" + best + "]");
}

std::string unknown_variable(std::string_view variable) {
  std::vector<std::string> names;
  for (const config::field& each : config::fields()) {
    names.push_back(upper("GODWIT_" + std::string(each.section) + "_" + std::string(each.name)));
  }
  return "not a known key" + suggestion(nearest(variable, names));
}

} // namespace godwit::node
