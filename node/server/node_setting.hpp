#pragma once

#include <caf/actor_system_config.hpp>

#include <cstddef>
#include <filesystem>
#include <string>

#include "actors/gateway/gateway.hpp"
#include "config/node_config.hpp"
#include "node/edge/edge_connection.hpp"

namespace godwit::node {

/// CAF's own scheduler runs control and slow work alone: the data path is on our loops.
struct system_config : caf::actor_system_config {
  system_config();
};

/// As the configuration says, or as the machine has processors.
std::size_t loops_for(const config::node_section& section);
edge_options edge_options_for(const config::node_config& config);
/// What the configuration says of it; keys, accounts and addresses of nodes are not in there.
actors::gateway_options gateway_options_for(const config::node_config& config);

/// Empty when it cannot be read.
std::string text_of_file(const std::filesystem::path& path);

} // namespace godwit::node
