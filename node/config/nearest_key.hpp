#pragma once

#include <string>
#include <string_view>

namespace godwit::node {

/// "listen.prot is not a known key; did you mean listen.port?", or where to find the known ones.
std::string unknown_key(std::string_view section, std::string_view name);
std::string unknown_section(std::string_view section);
/// Of a variable GODWIT_SECTION_KEY.
std::string unknown_variable(std::string_view variable);

} // namespace godwit::node
