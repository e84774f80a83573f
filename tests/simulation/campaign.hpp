#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "persistence/base/mutant.hpp"
#include "tests/simulation/simulation.hpp"

namespace godwit::simulation {

struct campaign_result {
  figures counted;
  std::uint64_t failing_seed = 0;
  std::optional<std::string> violation; ///< of the first failing schedule
};

/// Runs schedules with the seeds `first`, `first` + 1 and so on; stops at the first violation. Should
/// the process die of a signal meanwhile, it prints how to repeat the schedule.
campaign_result run_seeds(const profile& kind, std::uint64_t first, std::uint64_t count, bool trace = false);

/// The command that repeats one schedule and tells its story.
std::string command(const profile& kind, std::uint64_t seed);

/// The name of a mutant as in its enumerator.
std::string_view name_of(persistence::mutant which);
std::optional<persistence::mutant> find_mutant(std::string_view name);

} // namespace godwit::simulation
