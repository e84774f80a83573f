#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "config/config_fields.hpp"
#include "protocol/expected.hpp"

namespace godwit::node {

/// A value as a file holds it; other kinds that TOML knows are of no use here.
struct other_value {
  std::string kind; ///< "a table", "a floating-point number"
};
using raw_value = std::variant<bool, std::int64_t, std::string, std::vector<std::string>, other_value>;

/// Puts a value into its field. Error: "key: what is wrong, and what to write"; a secret's value is not
/// told. Bounds are left to config::validate.
expected<void, std::string> take_value(const config::field& which, const raw_value& value, config::node_config& out);

/// The same from the text of a variable or option: true or false, digits, the text as it is, a list as
/// elements between commas.
expected<void, std::string> take_text(const config::field& which, const std::string& text, config::node_config& out);

} // namespace godwit::node
