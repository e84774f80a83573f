#pragma once

#include <filesystem>
#include <string>

#include "tests/chat_load/device.hpp"

namespace godwit::chat_load {

/// Hands a folder of recordings to tests/checker, which prints what it finds; its exit code.
int check_recordings(const std::string& checker, const std::filesystem::path& folder);

/// Runs a program, named by its path, and waits for it; its exit code, or 128 where a signal ended it.
int run_program(const std::vector<std::string>& command);

/// What devices did and met, and the breaches.
void print(const run_figures& of);

} // namespace godwit::chat_load
