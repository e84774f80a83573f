#pragma once

#include <string>

#include "protocol/rpc_error.hpp"
#include "protocol/tl/object.hpp"

namespace godwit::entity {

/// An object at a layer. Error: rpc_call_fail when the layer cannot express it, which is a mistake of this program.
rpc_result<std::string> stored(const tl::object& what, layer_t layer);

} // namespace godwit::entity
