#pragma once

#include <map>
#include <string>

#include "protocol/tl/object.hpp"

namespace godwit::tl {

/// The objects of tests/golden/tl, by the names of its files. `layer` matters where a value is made for one:
/// a wrapper's call inside.
box<object> golden_object(const std::string& name, layer_t layer);

} // namespace godwit::tl
