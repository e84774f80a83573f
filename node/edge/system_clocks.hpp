#pragma once

#include <memory>

#include "cluster/base/cluster_clock.hpp"

namespace godwit::node {

/// The machine's steady clock, as loops use it. Never 0, which stands for no time in several places.
cluster::monotonic_ms steady_clock_ms();

/// The machine's own wall clock, which may jump: for other nodes to compare with theirs, and for cluster_clock. What
/// clients are told comes from that one.
unix_ms wall_clock_ms();

/// A cluster_clock that begins at the machine's time.
std::shared_ptr<cluster::cluster_clock> make_cluster_clock();

} // namespace godwit::node
