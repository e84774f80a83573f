// godwit_compare_state STORAGE_FOLDER...: whether the rows of stopped nodes are equal; see compare_state.hpp. Exit code
// 0: they are; 1: they are not; 2: a folder cannot be read.

#include <cstdio>
#include <exception>
#include <filesystem>
#include <vector>

#include "tests/cluster/faults/compare_state.hpp"

int main(int argc, char** argv) {
  const std::vector<std::filesystem::path> folders(argv + 1, argv + argc);
  if (folders.size() < 2) {
    std::fputs("usage: godwit_compare_state STORAGE_FOLDER STORAGE_FOLDER...\n", stderr);
    return 2;
  }
  try {
    const auto found = godwit::cluster_faults::compare_states(folders);
    for (const auto& each : found.differences) {
      std::printf("DIFFERENT %s\n", each.c_str());
    }
    std::printf("%zu nodes: %llu shards, %llu rows each, %llu entries applied; %s\n", folders.size(),
                static_cast<unsigned long long>(found.shards), static_cast<unsigned long long>(found.rows),
                static_cast<unsigned long long>(found.entries),
                found.differences.empty() ? "all are equal" : "they DIFFER");
    return found.differences.empty() ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "godwit_compare_state: %s\n", error.what());
    return 2;
  }
}
