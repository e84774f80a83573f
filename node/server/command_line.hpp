#pragma once

#include "node/server/exit_code.hpp"

namespace godwit::node {

/// The whole program: reads the command line and runs the command.
exit_code run_command_line(int argc, char** argv);

} // namespace godwit::node
