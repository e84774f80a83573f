#include <cstdio>
#include <exception>

#include "node/server/command_line.hpp"

int main(int argc, char** argv) {
  try {
    return static_cast<int>(godwit::node::run_command_line(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "godwit: %s\n", error.what());
  }
  return static_cast<int>(godwit::node::exit_code::failure);
}
