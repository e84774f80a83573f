#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/simulation/campaign.hpp"

namespace {

using namespace godwit;
using namespace godwit::simulation;

constexpr const char* usage_text =
  "usage: godwit_simulate [--profile NAME|all] [--seed N] [--count N] [--mutant NAME]... [--trace] [--keep-going]\n"
  "  Runs simulated schedules with the seeds N, N + 1 and so on. Without --profile: all of them.\n"
  "  --trace       prints each schedule's story\n"
  "  --mutant      switches a rule of the product off\n"
  "  --keep-going  goes on after a violation\n"
  "profiles:";

int usage(int status) {
  std::FILE* const to = status == 0 ? stdout : stderr;
  std::fputs(usage_text, to);
  for (const profile& each : profiles()) {
    std::fprintf(to, " %s", std::string(each.name).c_str());
  }
  std::fputs("\nmutants:", to);
  for (unsigned i = 0; i < static_cast<unsigned>(persistence::mutant::count_); ++i) {
    std::fprintf(to, " %s", std::string(name_of(static_cast<persistence::mutant>(i))).c_str());
  }
  std::fputs("\n", to);
  return status;
}

struct settings {
  std::string profile_name = "all";
  std::uint64_t seed = 1;
  std::uint64_t count = 1;
  bool trace = false;
  bool keep_going = false;
};

/// 0: go on; otherwise the program's status plus 1.
int parse(int argc, char** argv, settings& out) {
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "--help") {
      return usage(0) + 1;
    }
    if (option == "--trace") {
      out.trace = true;
      continue;
    }
    if (option == "--keep-going") {
      out.keep_going = true;
      continue;
    }
    if (i + 1 == argc) {
      return usage(2) + 1;
    }
    const std::string value = argv[++i];
    if (option == "--profile") {
      out.profile_name = value;
    } else if (option == "--seed") {
      out.seed = std::strtoull(value.c_str(), nullptr, 10);
    } else if (option == "--count") {
      out.count = std::strtoull(value.c_str(), nullptr, 10);
    } else if (const auto which = find_mutant(value); option == "--mutant" && which) {
#ifdef GODWIT_MUTANTS
      persistence::mutants_on.set(static_cast<std::size_t>(*which));
#endif
    } else {
      return usage(2) + 1;
    }
  }
  return out.profile_name == "all" || find_profile(out.profile_name) != nullptr ? 0 : usage(2) + 1;
}

/// True when there was no violation.
bool run_profile(const profile& kind, const settings& how) {
  const auto begin = std::chrono::steady_clock::now();
  figures sum;
  std::uint64_t violations = 0;
  const std::uint64_t end = how.seed + how.count;
  for (std::uint64_t seed = how.seed; seed < end;) {
    const campaign_result result = run_seeds(kind, seed, end - seed, how.trace);
    sum += result.counted;
    seed = end;
    if (result.violation) {
      ++violations;
      std::printf("VIOLATION %s\n  repeat it with: %s\n", result.violation->c_str(),
                  command(kind, result.failing_seed).c_str());
      std::fflush(stdout);
      seed = how.keep_going ? result.failing_seed + 1 : end;
    }
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::printf("%s: %s; %.1f s, %.0f steps/s, %llu violations\n", std::string(kind.name).c_str(), sum.line().c_str(),
              seconds, static_cast<double>(sum.steps) / seconds, static_cast<unsigned long long>(violations));
  std::fflush(stdout);
  return violations == 0;
}

} // namespace

int main(int argc, char** argv) {
  settings how;
  if (const int stop = parse(argc, argv, how); stop != 0) {
    return stop - 1;
  }
  std::setvbuf(stdout, nullptr, _IOLBF, 1 << 16);
  bool clean = true;
  for (const profile& each : profiles()) {
    if (how.profile_name == "all" || how.profile_name == each.name) {
      clean = run_profile(each, how) && clean;
    }
  }
  return clean ? 0 : 1;
}
