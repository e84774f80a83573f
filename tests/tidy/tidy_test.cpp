// Rules about the source itself, run over the whole tree. Each is shown to fail in rules_test.cpp.

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/tidy/rules.hpp"

namespace godwit::tidy {
namespace {

namespace fs = std::filesystem;

/// Folders that hold no source of the project: version control, builds and what npm installs.
bool is_foreign(const fs::path& folder) {
  const std::string name = folder.filename().string();
  return name == ".git" || name == ".cache" || name == "build" || name == "node_modules" ||
         name.starts_with("build-") || fs::exists(folder / "CMakeCache.txt");
}

std::set<std::string> tree_paths() {
  const fs::path root = GODWIT_SOURCE_DIR;
  std::set<std::string> paths;
  for (auto entry = fs::recursive_directory_iterator(root); entry != fs::recursive_directory_iterator(); ++entry) {
    if (entry->is_directory() && is_foreign(entry->path())) {
      entry.disable_recursion_pending();
    } else if (entry->is_regular_file()) {
      paths.insert(fs::relative(entry->path(), root).generic_string());
    }
  }
  return paths;
}

std::vector<source_file> tree_files() {
  std::vector<source_file> files;
  for (const std::string& path : tree_paths()) {
    if (is_text(path)) {
      std::ifstream stream(fs::path(GODWIT_SOURCE_DIR) / path, std::ios::binary);
      files.push_back({path, {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()}});
    }
  }
  return files;
}

void expect_none(const findings& found) {
  for (const std::string& finding : found) {
    ADD_FAILURE() << finding;
  }
}

void expect_no_finding_anywhere(findings (*rule)(const source_file&)) {
  for (const source_file& file : tree_files()) {
    expect_none(rule(file));
  }
}

// The other tests would pass on an empty list of files.
TEST(tidy, TheTreeIsFound) {
  const auto paths = tree_paths();
  EXPECT_TRUE(paths.contains("CMakeLists.txt"));
  EXPECT_TRUE(paths.contains("tests/tidy/tidy_test.cpp"));
  EXPECT_GT(tree_files().size(), 20U);
}

TEST(tidy, IncludesFollowTheArrowsBetweenFolders) { expect_no_finding_anywhere(check_includes); }

TEST(tidy, LinksFollowTheArrowsBetweenFolders) { expect_no_finding_anywhere(check_links); }

TEST(tidy, NoFileIsTooLong) { expect_no_finding_anywhere(check_length); }

TEST(tidy, WhitespaceIsPlain) { expect_no_finding_anywhere(check_whitespace); }

TEST(tidy, NoPathOfOneMachineIsNamed) { expect_no_finding_anywhere(check_paths); }

TEST(tidy, HeadersAreGuardedAndImposeNoNames) { expect_no_finding_anywhere(check_headers); }

TEST(tidy, RulesTakeTimeAndChanceAsInputs) { expect_no_finding_anywhere(check_purity); }

TEST(tidy, EveryFolderExplainsItself) { expect_none(check_readmes(tree_paths())); }

TEST(tidy, TheDocumentsAreThere) { expect_none(check_documents(tree_paths())); }

TEST(tidy, EveryFolderIsATarget) { expect_none(check_targets(tree_paths())); }

TEST(tidy, EverySourceIsCompiled) { expect_none(check_built(tree_files())); }

} // namespace
} // namespace godwit::tidy
