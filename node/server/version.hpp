#pragma once

#include <string_view>

namespace godwit::node {

/// The version of the program, from the project file.
extern const std::string_view version;

} // namespace godwit::node
