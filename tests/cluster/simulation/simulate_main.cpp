// Runs of the cluster simulation: one with its story, or many.

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "persistence/base/mutant.hpp"
#include "tests/cluster/simulation/cluster_run.hpp"
#include "tests/cluster/simulation/sim_mutants.hpp"

namespace {

constexpr const char* usage = "usage: godwit_cluster_simulate [--seed N] [--count N] [--mutant NAME] [--quiet]\n"
                              "One seed: its story is printed, unless --quiet. Mutants:";

int fail_with_usage() {
  std::fputs(usage, stderr);
  for (const auto& each : godwit::cluster_sim::mutants) {
    std::fprintf(stderr, " %s", each.name);
  }
  std::fputs("\n", stderr);
  return 2;
}

} // namespace

int main(int count, char** words) {
  std::uint64_t seed = 1;
  std::uint64_t seeds = 1;
  bool quiet = false;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    const char* const value = i + 1 < count ? words[i + 1] : nullptr;
    if (word == "--quiet") {
      quiet = true;
    } else if (value == nullptr) {
      return fail_with_usage();
    } else if (word == "--seed") {
      seed = std::strtoull(words[++i], nullptr, 10);
    } else if (word == "--count") {
      seeds = std::strtoull(words[++i], nullptr, 10);
    } else if (word == "--mutant") {
      const auto which = godwit::cluster_sim::find_mutant(words[++i]);
      if (!which) {
        return fail_with_usage();
      }
      godwit::persistence::mutants_on.set(static_cast<std::size_t>(*which));
    } else {
      return fail_with_usage();
    }
  }
  int failed = 0;
  for (std::uint64_t i = 0; i < seeds; ++i) {
    const auto began = std::chrono::steady_clock::now();
    const auto result = godwit::cluster_sim::run_seed(seed + i, seeds == 1 && !quiet);
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
    std::printf("seed %llu: %s; %llu ms virtual, %lld ms, trace %016llx;", static_cast<unsigned long long>(seed + i),
                result.violation ? result.violation->c_str() : "good",
                static_cast<unsigned long long>(result.virtual_ms), static_cast<long long>(took.count()),
                static_cast<unsigned long long>(result.trace_hash));
    for (const auto& [name, number] : result.counted) {
      std::printf(" %s %llu", name.c_str(), static_cast<unsigned long long>(number));
    }
    std::printf("\n");
    std::fflush(stdout);
    failed += result.violation ? 1 : 0;
  }
  return failed == 0 ? 0 : 1;
}
