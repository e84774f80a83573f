#pragma once

#include "cluster/member/cluster_map.hpp"
#include "persistence/base/persistence_errc.hpp"

namespace godwit::persistence {
class state_store;
}

namespace godwit::cluster {

/// What this node's stored rows say of the cluster, which may be older than what the cluster knows by now: where its
/// other nodes were, so that a whole cluster can start again while nobody leads. Version 0: nothing. Blocks on the
/// disk, for the start. Errors: those of the store; corrupt, when a row cannot be read.
persistence::storage_result<cluster_map> read_local_map(persistence::state_store& store);

} // namespace godwit::cluster
