#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace godwit::cluster_sim {

struct run_result {
  std::optional<std::string> violation;
  std::uint64_t trace_hash = 0;
  std::map<std::string, std::uint64_t> counted;
  std::uint64_t virtual_ms = 0;
};

/// One run: accounts sign in, clients send while faults come, all is healed, and after a calm everything is looked at.
/// `print`: its story to the standard output.
run_result run_seed(std::uint64_t seed, bool print = false);

/// What repeats that run, for messages.
std::string command_for(std::uint64_t seed);

} // namespace godwit::cluster_sim
