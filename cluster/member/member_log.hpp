#pragma once

#include "cluster/base/log.hpp"
#include "persistence/log/log_entry.hpp"

namespace godwit::cluster {

inline log::component member_log{"member"};

/// The one member that two configurations differ in; no_node: none.
persistence::node_id changed_member(const persistence::configuration& from, const persistence::configuration& to);

} // namespace godwit::cluster
