#pragma once

#include "cluster/base/log.hpp"

namespace godwit::node {

inline log::component transport_log{"transport"};

} // namespace godwit::node
