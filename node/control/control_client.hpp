#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "node/control/control_commands.hpp"
#include "protocol/expected.hpp"

namespace godwit::node {

struct control_call_error {
  bool no_node = false; ///< nobody listens on the socket
  std::string message;  ///< one line with the remedy
};

/// Asks the node behind the socket. Blocks until it has answered.
expected<control_answer, control_call_error> control_call(const std::filesystem::path& socket,
                                                          const std::string& command,
                                                          const std::vector<std::string>& arguments,
                                                          std::chrono::milliseconds timeout);

} // namespace godwit::node
