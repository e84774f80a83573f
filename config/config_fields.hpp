#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "config/node_config.hpp"

/// The table of everything that can be set. The parser, the printed configuration, the example file and
/// the manual are all read off it.
namespace godwit::config {

/// Where the value of a field is; a choice as its position in `choices`.
struct choice_slot {
  std::uint8_t* value;
};
using field_slot = std::variant<bool*, std::uint64_t*, std::string*, std::vector<std::string>*, choice_slot>;

struct field {
  std::string_view section;
  std::string_view name;
  field_slot (*slot)(node_config&);
  std::string_view unit{};    ///< empty: a bare number, or no number
  std::string_view meaning{}; ///< sentences, for the operator
  std::uint64_t min = 0;      ///< of numbers
  std::uint64_t max = 0;
  std::span<const std::string_view> choices{};
  bool while_running = false; ///< a running node can be told a new value
  bool path = false;          ///< of a file or folder; in a file, relative to the file
  bool secret = false;        ///< never printed

  [[nodiscard]] std::string key() const { return std::string(section) + "." + std::string(name); }
};

/// In the order of the sections of node_config.
std::span<const field> fields();

/// Names of the sections and what each is about, in order.
struct section {
  std::string_view name;
  std::string_view meaning;
};
std::span<const section> sections();

/// nullptr: no such field.
const field* find_field(std::string_view section, std::string_view name);

/// The value of a field as TOML would have it; a secret that is set as "***" unless `reveal`.
std::string value_text(const field& which, const node_config& values, bool reveal = false);

/// The bounds in words: "1 to 65535", "logfmt or json"; empty when there are none.
std::string bounds_text(const field& which);

/// The annotated example file: every key with its meaning, unit, bounds and default.
std::string example_text();

/// The table of the manual, in Markdown.
std::string manual_text();

} // namespace godwit::config
