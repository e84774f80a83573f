#include "tests/simulation/campaign.hpp"

#include <array>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <unistd.h>
#include <utility>

namespace godwit::simulation {

using persistence::mutant;

namespace {

/// Room for the command of the running schedule: a signal's handler can only write what is ready.
std::array<char, 800> running_command{};

void tell_and_die(int signal) {
  static constexpr std::string_view text = "the process dies in this schedule; repeat it with:\n  ";
  // There is nobody left to tell if this fails.
  static_cast<void>(!write(STDERR_FILENO, text.data(), text.size()));
  static_cast<void>(!write(STDERR_FILENO, running_command.data(), std::strlen(running_command.data())));
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

#define NAMED(enumerator) std::pair(mutant::enumerator, std::string_view(#enumerator))

constexpr std::array mutant_names{
  NAMED(accept_stale_answer),
  NAMED(pass_low_rejection),
  NAMED(pass_below_trim),
  NAMED(unsplit_change),
  NAMED(change_without_wait),
  NAMED(change_without_barrier),
  NAMED(batched_change),
  NAMED(reordered_members),
  NAMED(hidden_voter_term),
  NAMED(unlimited_snapshots),
  NAMED(unclamped_timer),
  NAMED(commit_regression),
  NAMED(completion_by_index),
  NAMED(apply_during_install),
  NAMED(keep_mismatched_log),
  NAMED(lease_from_receipt),
  NAMED(lease_over_transfer),
  NAMED(vote_after_restart),
  NAMED(sole_voter_keeps_term),
  NAMED(nonvoter_refuses),
  NAMED(unsynced_demotion),
  NAMED(installing_refuses),
  NAMED(snapshot_of_first_entry),
  NAMED(forgotten_answers),
  NAMED(send_before_hard_state),
  NAMED(split_hard_state),
  NAMED(acknowledge_before_majority),
  NAMED(vote_unsynced),
  NAMED(no_term_fence),
  NAMED(flush_beyond_log),
  NAMED(trim_beyond_state),
};

#undef NAMED

} // namespace

std::string command(const profile& kind, std::uint64_t seed) {
  std::array<char, 500> self{};
  const ssize_t length = readlink("/proc/self/exe", self.data(), self.size());
  const std::string_view path(self.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
  std::string out(path.substr(0, path.rfind('/') + 1));
  out += "godwit_simulate --profile " + std::string(kind.name) + " --seed " + std::to_string(seed) + " --trace";
  for (const auto& [which, name] : mutant_names) {
    out += persistence::mutated(which) ? " --mutant " + std::string(name) : std::string();
  }
  return out;
}

campaign_result run_seeds(const profile& kind, std::uint64_t first, std::uint64_t count, bool trace) {
  std::signal(SIGABRT, tell_and_die);
  std::signal(SIGSEGV, tell_and_die);
  campaign_result result;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    std::snprintf(running_command.data(), running_command.size(), "%s\n", command(kind, seed).c_str());
    outcome one = run(kind, seed, trace);
    result.counted += one.counted;
    if (one.violation) {
      result.failing_seed = seed;
      result.violation = std::move(one.violation);
      break;
    }
  }
  std::signal(SIGABRT, SIG_DFL);
  std::signal(SIGSEGV, SIG_DFL);
  return result;
}

std::string_view name_of(mutant which) {
  for (const auto& [each, name] : mutant_names) {
    if (each == which) {
      return name;
    }
  }
  return "unnamed";
}

std::optional<mutant> find_mutant(std::string_view name) {
  for (const auto& [each, own] : mutant_names) {
    if (own == name) {
      return each;
    }
  }
  return std::nullopt;
}

} // namespace godwit::simulation
