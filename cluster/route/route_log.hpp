#pragma once

#include "cluster/base/log.hpp"

namespace godwit::cluster {

inline log::component route_log{"route"};

/// Of an envelope that cannot be read.
inline constexpr const char* remedy = "run the same version of the program on all nodes, or neighbouring ones";

} // namespace godwit::cluster
