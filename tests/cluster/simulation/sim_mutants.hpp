#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "persistence/base/mutant.hpp"

namespace godwit::cluster_sim {

/// A rule that runs of the cluster notice the absence of, within so many seeds from 1 on.
struct known_mutant {
  persistence::mutant which;
  const char* name;
  std::uint64_t seeds;
};

inline constexpr std::array mutants{
  known_mutant{persistence::mutant::no_inbox_position, "no_inbox_position", 20},
  known_mutant{persistence::mutant::acknowledge_before_majority, "acknowledge_before_majority", 20},
  known_mutant{persistence::mutant::answer_before_commit, "answer_before_commit", 20},
  known_mutant{persistence::mutant::no_entity_fence, "no_entity_fence", 20},
  known_mutant{persistence::mutant::subscription_without_replay, "subscription_without_replay", 20},
};

inline std::optional<persistence::mutant> find_mutant(std::string_view name) {
  for (const known_mutant& each : mutants) {
    if (name == each.name) {
      return each.which;
    }
  }
  return std::nullopt;
}

} // namespace godwit::cluster_sim
