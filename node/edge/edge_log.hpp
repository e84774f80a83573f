#pragma once

#include "cluster/base/log.hpp"

namespace godwit::node {

inline log::component edge_log{"edge"};

} // namespace godwit::node
