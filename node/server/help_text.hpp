#pragma once

#include <string_view>

namespace godwit::node {

/// What --help prints: a page for the program and one for each command. An unknown command has an empty
/// page.
std::string_view help_text(std::string_view command);

} // namespace godwit::node
