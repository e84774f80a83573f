// godwit_fault_replay JOURNAL --seed N [--policy all|none|random|torn]

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "tests/faults/replay.hpp"

namespace {

int usage() {
  std::fputs("usage: godwit_fault_replay JOURNAL --seed N [--policy all|none|random|torn]\n", stderr);
  return 2;
}

} // namespace

int main(int argc, char** argv) {
  using namespace godwit::faults;
  if (argc < 4)
    return usage();
  auto policy = drop_policy::random;
  std::uint64_t seed = 0;
  for (int i = 2; i < argc; i += 2) {
    const std::string_view name = argv[i];
    if (i + 1 == argc)
      return usage();
    if (name == "--seed") {
      seed = std::strtoull(argv[i + 1], nullptr, 10);
    } else if (const auto wanted = drop_policy_from(argv[i + 1]); name == "--policy" && wanted) {
      policy = *wanted;
    } else {
      return usage();
    }
  }
  const auto report = drop_unsynced(argv[1], seed, policy);
  if (!report) {
    std::fprintf(stderr, "godwit_fault_replay: %s\n", report.error().c_str());
    return 1;
  }
  std::printf("files=%llu records=%llu pages=%llu reverted=%llu torn=%llu sizes=%llu\n",
              static_cast<unsigned long long>(report->files), static_cast<unsigned long long>(report->records),
              static_cast<unsigned long long>(report->pages), static_cast<unsigned long long>(report->pages_reverted),
              static_cast<unsigned long long>(report->pages_torn),
              static_cast<unsigned long long>(report->sizes_reverted));
  return 0;
}
