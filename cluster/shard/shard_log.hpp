#pragma once

#include "cluster/base/log.hpp"

namespace godwit::cluster {

inline log::component shard_log{"shard"};
inline log::component storage_log{"storage"};

} // namespace godwit::cluster
