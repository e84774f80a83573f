// Each rule against text that breaks it and text that does not: a rule that cannot fail guards nothing.

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tidy/rules.hpp"

namespace godwit::tidy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

/// An include directive; written so that the rule, which reads this file too, does not take it for one.
std::string include(const std::string& what) { return "#include " + what + "\n"; }

findings includes_of(const std::string& path, const std::string& what) {
  return check_includes({path, "#pragma once\n" + include(what)});
}

TEST(tidy_rules, ALowerFolderMustNotKnowAHigherOne) {
  EXPECT_THAT(includes_of("persistence/base/x.hpp", "\"persistence/log/log_entry.hpp\""),
              ElementsAre(HasSubstr("persistence/base/x.hpp:2: persistence/base must not know persistence/log")));
  EXPECT_THAT(includes_of("config/x.hpp", "\"protocol/expected.hpp\""), SizeIs(1));
  EXPECT_THAT(includes_of("protocol/x.hpp", "\"persistence/base/types.hpp\""), SizeIs(1));
  EXPECT_THAT(includes_of("persistence/log/x.hpp", "\"persistence/state/mutation.hpp\""), SizeIs(1));
  EXPECT_THAT(includes_of("persistence/state/x.cpp", "\"persistence/raft/replica.hpp\""), SizeIs(1));
  EXPECT_THAT(includes_of("persistence/lmdb/x.cpp", "\"persistence/raft/replica.hpp\""), SizeIs(1));
  EXPECT_THAT(includes_of("persistence/raft/x.cpp", "\"persistence/lmdb/environment.hpp\""), SizeIs(1));
  EXPECT_THAT(includes_of("cluster/x.cpp", "\"actors/x.hpp\""), SizeIs(1));
  EXPECT_THAT(includes_of("actors/chat/x.cpp", "\"node/x.hpp\""), SizeIs(1));
}

TEST(tidy_rules, TheProductMustNotKnowItsTests) {
  EXPECT_THAT(includes_of("node/main.cpp", "\"tests/tidy/rules.hpp\""), SizeIs(1));
  EXPECT_THAT(includes_of("persistence/raft/x.cpp", "\"tests/tidy/rules.hpp\""), SizeIs(1));
}

TEST(tidy_rules, AHigherFolderMayKnowALowerOne) {
  EXPECT_THAT(includes_of("persistence/raft/x.cpp", "\"persistence/state/mutation.hpp\""), IsEmpty());
  EXPECT_THAT(includes_of("persistence/raft/x.cpp", "\"persistence/raft/message.hpp\""), IsEmpty());
  EXPECT_THAT(includes_of("cluster/x.cpp", "\"persistence/raft/replica.hpp\""), IsEmpty());
  EXPECT_THAT(includes_of("tests/x.cpp", "\"persistence/lmdb/environment.hpp\""), IsEmpty());
}

TEST(tidy_rules, ANewFolderNeedsAPlaceInTheTable) {
  EXPECT_THAT(includes_of("persistence/misc/x.cpp", "<vector>"), SizeIs(1));
  EXPECT_THAT(includes_of("util/x.hpp", "<vector>"), SizeIs(1));
}

TEST(tidy_rules, IncludesAreWrittenFromTheRoot) {
  EXPECT_THAT(includes_of("persistence/base/x.cpp", "\"x.hpp\""), SizeIs(1));
  EXPECT_THAT(includes_of("persistence/log/x.cpp", "\"../base/types.hpp\""), SizeIs(1));
  EXPECT_THAT(includes_of("persistence/log/x.cpp", "<persistence/base/types.hpp>"), SizeIs(1));
}

TEST(tidy_rules, AnOutsideLibraryHasItsOneFolder) {
  EXPECT_THAT(includes_of("persistence/raft/x.c", "<raft.h>"), IsEmpty());
  EXPECT_THAT(includes_of("persistence/lmdb/x.cpp", "<raft.h>"), SizeIs(1));
  EXPECT_THAT(includes_of("tests/persistence/lmdb/x.cpp", "<raft.h>"), SizeIs(1));
  EXPECT_THAT(includes_of("persistence/lmdb/x.cpp", "<lmdb.h>"), IsEmpty());
  EXPECT_THAT(includes_of("persistence/raft/x.cpp", "<lmdb.h>"), SizeIs(1));
  EXPECT_THAT(includes_of("protocol/crypto/x.cpp", "<openssl/evp.h>"), IsEmpty());
  EXPECT_THAT(includes_of("protocol/tl/x.cpp", "<openssl/evp.h>"), SizeIs(1));
  EXPECT_THAT(includes_of("persistence/base/x.cpp", "<caf/all.hpp>"), SizeIs(1));
  EXPECT_THAT(includes_of("actors/x.cpp", "<boost/asio.hpp>"), SizeIs(1));
}

TEST(tidy_rules, LinksFollowTheSameTable) {
  const std::string path = "persistence/log/CMakeLists.txt";
  EXPECT_THAT(check_links({path, "godwit_library(NAME persistence_log PUBLIC godwit::persistence_base)\n"}), IsEmpty());
  EXPECT_THAT(check_links({path, "  PUBLIC godwit::persistence_base godwit::persistence_raft)\n"}),
              ElementsAre(HasSubstr("must not link godwit::persistence_raft")));
}

TEST(tidy_rules, TheProductLinksNoSwitches) {
  const std::string text = "  PUBLIC godwit::persistence_raft" + std::string("_mutable)\n");
  EXPECT_THAT(check_links({"node/CMakeLists.txt", text}), SizeIs(1));
  EXPECT_THAT(check_links({"tests/x/CMakeLists.txt", text}), IsEmpty());
}

std::string lines(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    text += "x\n";
  }
  return text;
}

TEST(tidy_rules, AFileHas500LinesAndATest800) {
  EXPECT_THAT(check_length({"node/x.cpp", lines(500)}), IsEmpty());
  EXPECT_THAT(check_length({"node/x.cpp", lines(501)}), SizeIs(1));
  EXPECT_THAT(check_length({"tests/x.cpp", lines(800)}), IsEmpty());
  EXPECT_THAT(check_length({"tests/x.cpp", lines(801)}), SizeIs(1));
  EXPECT_THAT(check_length({"docs/x.md", lines(2000)}), IsEmpty());
}

TEST(tidy_rules, WhitespaceIsSpacesAndNewlines) {
  EXPECT_THAT(check_whitespace({"x.cpp", "int x;\n\nint y;\n"}), IsEmpty());
  EXPECT_THAT(check_whitespace({"x.cpp", "\tint x;\n"}), ElementsAre(HasSubstr("x.cpp:1: a tab")));
  EXPECT_THAT(check_whitespace({"x.cpp", "int x;\r\n"}), ElementsAre(HasSubstr("carriage return")));
  EXPECT_THAT(check_whitespace({"x.cpp", "int x; \n"}), ElementsAre(HasSubstr("a space at the end")));
  EXPECT_THAT(check_whitespace({"x.cpp", "int x;"}), ElementsAre(HasSubstr("no newline")));
}

TEST(tidy_rules, NoPathOfOneMachine) {
  for (const std::string name : {"home", "root", "work", "Users"}) {
    EXPECT_THAT(check_paths({"x.md", "see /" + name + "/me/x\n"}), SizeIs(1));
    EXPECT_THAT(check_paths({"x.md", "/" + name + "/me/x\n"}), SizeIs(1));
    EXPECT_THAT(check_paths({"x.md", "a frame/" + name + "/x\n"}), IsEmpty());
  }
}

TEST(tidy_rules, HeadersAreGuarded) {
  EXPECT_THAT(check_headers({"x.hpp", "int x;\n"}), SizeIs(1));
  EXPECT_THAT(check_headers({"x.hpp", "#pragma once\nint x;\n"}), IsEmpty());
  EXPECT_THAT(check_headers({"x.cpp", "int x;\n"}), IsEmpty());
}

TEST(tidy_rules, NamesAreNotPouredOut) {
  const std::string pour = "using namespace ";
  EXPECT_THAT(check_headers({"x.cpp", pour + "caf;\n"}), SizeIs(1));
  EXPECT_THAT(check_headers({"x.cpp", "  " + pour + "caf::io;\n"}), SizeIs(1));
  EXPECT_THAT(check_headers({"x.cpp", pour + "std::literals;\n"}), IsEmpty());
  EXPECT_THAT(check_headers({"node/x.hpp", "#pragma once\n" + pour + "std;\n"}), SizeIs(1));
}

TEST(tidy_rules, RulesReadNoClock) {
  EXPECT_THAT(check_purity({"persistence/raft/x.cpp", include("<chrono>")}), SizeIs(1));
  EXPECT_THAT(check_purity({"protocol/x.cpp", include("<random>")}), SizeIs(1));
  EXPECT_THAT(check_purity({"persistence/lmdb/x.cpp", include("<thread>")}), IsEmpty());
  EXPECT_THAT(check_purity({"persistence/raft/x.cpp", include("<vector>")}), IsEmpty());
}

TEST(tidy_rules, AFolderWithSourcesHasAReadme) {
  EXPECT_THAT(check_readmes({"persistence/base/x.hpp"}), SizeIs(1));
  EXPECT_THAT(check_readmes({"persistence/records/x.proto"}), SizeIs(1));
  EXPECT_THAT(check_readmes({"persistence/base/x.hpp", "persistence/base/README.md"}), IsEmpty());
  EXPECT_THAT(check_readmes({"tests/persistence/base/x.cpp"}), IsEmpty());
}

TEST(tidy_rules, AFolderWithSourcesIsATarget) {
  EXPECT_THAT(check_targets({"persistence/base/x.hpp"}), SizeIs(1));
  EXPECT_THAT(check_targets({"persistence/base/x.hpp", "persistence/base/CMakeLists.txt"}), IsEmpty());
}

TEST(tidy_rules, ASourceThatNoTargetNamesIsFound) {
  const source_file test{"tests/a/b/x_test.cpp", ""};
  EXPECT_THAT(check_built({test}), SizeIs(1));
  EXPECT_THAT(check_built({test, {"tests/a/CMakeLists.txt", "SOURCES b/x_test.cpp)"}}), IsEmpty());
  EXPECT_THAT(check_built({test, {"tests/a/CMakeLists.txt", "SOURCES b/xx_test.cpp b/max_test.cpp"}}), SizeIs(1));
  EXPECT_THAT(check_built({test, {"cmake/x.cmake", "/tests/a/b/x_test.cpp"}}), IsEmpty());
  EXPECT_THAT(check_built({{"persistence/base/x.hpp", ""}, {"persistence/base/CMakeLists.txt", "HEADERS y.hpp"}}),
              SizeIs(1));
  EXPECT_THAT(check_built({{"tests/support/x.hpp", ""}}), IsEmpty());
}

TEST(tidy_rules, AMissingDocumentIsNamed) {
  EXPECT_THAT(check_documents({"README.md"}), testing::Contains(HasSubstr("docs/formats.md")));
}

} // namespace
} // namespace godwit::tidy
