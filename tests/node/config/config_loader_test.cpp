#include "node/config/config_loader.hpp"

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config_fields.hpp"

namespace godwit::node {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class config_loader : public ::testing::Test {
protected:
  config_loader() {
    std::string name = (std::filesystem::temp_directory_path() / "godwit_config_XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~config_loader() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::filesystem::path file() const { return folder_ / "node.toml"; }

  void write(const std::string& text) { std::ofstream(file()) << text; }

  expected<loaded_config, std::string> load(const std::vector<std::string>& sets = {}) {
    return load_config({.file = file(), .environment = environment_, .sets = sets});
  }

  /// What loading this text is refused with.
  std::string refusal(const std::string& text) {
    write(text);
    const auto loaded = load();
    return loaded ? "accepted" : loaded.error();
  }

  std::filesystem::path folder_;
  std::vector<std::pair<std::string, std::string>> environment_;
};

// Goal: the file that is printed for people is one that the program takes, and says what the defaults are.
TEST_F(config_loader, TheExampleFileIsReadAndEqualsTheDefaults) {
  write(config::example_text());
  const auto loaded = load();
  ASSERT_TRUE(loaded) << loaded.error();
  for (const config::field& each : config::fields()) {
    EXPECT_EQ(config::value_text(each, loaded->values), config::value_text(each, {})) << each.key();
    EXPECT_THAT(loaded->origin(each.key()), HasSubstr("node.toml:")) << each.key();
  }
}

// Goal: every key can be set in each of the three ways. Method: the printed default of each key, changed
// for numbers, goes in through the variable and through the option.
TEST_F(config_loader, EveryKeyCanBeSetByVariableAndByOption) {
  for (const config::field& each : config::fields()) {
    config::node_config values;
    const auto slot = each.slot(values);
    std::string text = "x";
    if (std::holds_alternative<bool*>(slot)) {
      text = "true";
    } else if (std::holds_alternative<std::uint64_t*>(slot)) {
      text = std::to_string(each.max);
    } else if (std::holds_alternative<config::choice_slot>(slot)) {
      text = each.choices.back();
    }
    std::string name = "GODWIT_" + std::string(each.section) + "_" + std::string(each.name);
    for (char& c : name) {
      c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    for (const config_sources& sources :
         {config_sources{.file = {}, .environment = {{name, text}}, .sets = {}},
          config_sources{.file = {}, .environment = {}, .sets = {each.key() + "=" + text}}}) {
      const auto loaded = load_config(sources);
      // Either it is taken, or it is its own value that a rule refuses.
      if (loaded) {
        EXPECT_THAT(config::value_text(each, loaded->values, true), HasSubstr(text)) << each.key();
        EXPECT_NE(loaded->origin(each.key()), "default") << each.key();
      } else {
        EXPECT_THAT(loaded.error(), HasSubstr(each.section)) << each.key();
        EXPECT_THAT(loaded.error(), Not(HasSubstr("not a known key"))) << each.key();
      }
    }
  }
}

// Goal: file < environment < --set, and each value tells where it came from.
TEST_F(config_loader, TheOptionOverrulesTheVariableWhichOverrulesTheFile) {
  write("[listen]\nport = 1001\nbacklog = 1001\n\n[metrics]\nport = 1002\n");
  environment_ = {{"GODWIT_LISTEN_PORT", "2001"}, {"GODWIT_LISTEN_BACKLOG", "2001"}};
  const auto loaded = load({"listen.port=3001"});
  ASSERT_TRUE(loaded) << loaded.error();
  EXPECT_EQ(loaded->values.listen.port, 3001U);
  EXPECT_EQ(loaded->origin("listen.port"), "--set");
  EXPECT_EQ(loaded->values.listen.backlog, 2001U);
  EXPECT_EQ(loaded->origin("listen.backlog"), "environment GODWIT_LISTEN_BACKLOG");
  EXPECT_EQ(loaded->values.metrics.port, 1002U);
  EXPECT_EQ(loaded->origin("metrics.port"), file().string() + ":6");
  EXPECT_EQ(loaded->origin("metrics.address"), "default");
}

// Goal: a slip names file, line and key, and the key that was meant.
TEST_F(config_loader, AnUnknownKeyIsRefusedWithItsLineAndTheNearestOne) {
  EXPECT_THAT(refusal("[listen]\n\nprot = 4430\n"),
              AllOf(HasSubstr(file().string() + ":3: listen.prot"), HasSubstr("did you mean listen.port?")));
  EXPECT_THAT(refusal("[listen]\ntest_numbers = true\n"), HasSubstr("did you mean auth.test_numbers?"));
  EXPECT_THAT(refusal("[lisen]\nport = 1\n"), AllOf(HasSubstr(":1: [lisen]"), HasSubstr("did you mean [listen]?")));
  EXPECT_THAT(refusal("\nport = 4430\n"), AllOf(HasSubstr(":2: port"), HasSubstr("did you mean")));
  EXPECT_THAT(refusal("[listen]\nzzzzzzzzzz = 1\n"), HasSubstr("godwit config defaults"));
  environment_ = {{"GODWIT_LISTEN_PROT", "1"}, {"GODWIT_SEED", "1"}};
  EXPECT_THAT(refusal(""), AllOf(HasSubstr("environment GODWIT_LISTEN_PROT"), HasSubstr("GODWIT_LISTEN_PORT?")));
  environment_ = {{"GODWIT_SEED", "1"}};
  EXPECT_EQ(refusal(""), "accepted") << "a variable of another tool";
  EXPECT_THAT(load({"listen.prot=1"}).error(), HasSubstr("--set: listen.prot is not a known key"));
  EXPECT_THAT(load({"nonsense"}).error(), HasSubstr("section.key=value"));
}

// Goal: so does a bad value, whatever is wrong with it.
TEST_F(config_loader, ABadValueIsRefusedWithItsLineAndWhatToWrite) {
  EXPECT_THAT(refusal("[listen]\nport = \"4430\"\n"),
              AllOf(HasSubstr(":2: listen.port takes a whole number, 1 to 65535"), HasSubstr("not \"4430\"")));
  EXPECT_THAT(refusal("[listen]\nport = -1\n"), HasSubstr(":2: listen.port takes a whole number"));
  EXPECT_THAT(refusal("[listen]\nport = 65536\n"), HasSubstr(":2: listen.port is 65536: set it to 1 to 65535"));
  EXPECT_THAT(refusal("[listen]\nport = 1.5\n"), HasSubstr("a number with a fraction"));
  EXPECT_THAT(refusal("[listen]\naddresses = \"::1\"\n"), HasSubstr("takes a list of texts"));
  EXPECT_THAT(refusal("[listen]\naddresses = [1]\n"), HasSubstr("takes a list of texts"));
  EXPECT_THAT(refusal("[auth]\ntest_numbers = 1\n"), HasSubstr("takes true or false, not 1"));
  EXPECT_THAT(refusal("[auth]\nregistration = \"opened\"\n"), HasSubstr("takes open, invitation or closed"));
  EXPECT_THAT(refusal("[dc]\n\n\ncountry = \"Germany\"\n"), HasSubstr(":4: dc.country"));
  EXPECT_THAT(refusal("[listen]\nport = \n"), AllOf(HasSubstr(":2: "), HasSubstr("is not TOML")));
  EXPECT_THAT(refusal("[listen]\nport = 1\nport = 2\n"), HasSubstr(":3: "));
  environment_ = {{"GODWIT_LISTEN_PORT", "many"}};
  EXPECT_THAT(refusal(""), HasSubstr("environment GODWIT_LISTEN_PORT: listen.port takes a whole number"));
}

// Goal: a file that is not there, is a folder, or is no settings file gives one line and no exception.
TEST_F(config_loader, AFileThatCannotBeReadIsNamed) {
  EXPECT_THAT(load().error(), AllOf(HasSubstr(file().string()), HasSubstr("No such file")));
  std::filesystem::create_directory(file());
  EXPECT_THAT(load().error(), HasSubstr(file().string()));
  std::filesystem::remove(file());
  EXPECT_THAT(refusal(std::string(2 << 20, '#')), HasSubstr("too large"));
  EXPECT_THAT(refusal(std::string("\x00\xff\xfe", 3)), HasSubstr("is not TOML"));
  EXPECT_THAT(refusal("a = " + std::string(100'000, '[')), Not("accepted"));
}

// Goal: no secret in an error or in the printed configuration, in either form.
TEST_F(config_loader, SecretsAppearNowhere) {
  const std::string canary = "canary4711";
  const std::string number = "+4915112345678";
  write("[auth]\nwebhook_secret = \"" + canary + "\"\ninvited = [\"" + number + "\"]\n");
  const auto loaded = load();
  ASSERT_TRUE(loaded) << loaded.error();
  for (const std::string& text : {describe_config(*loaded), describe_config_json(*loaded)}) {
    EXPECT_THAT(text, AllOf(Not(HasSubstr(canary)), Not(HasSubstr(number)), HasSubstr("***")));
  }
  EXPECT_THAT(refusal("[auth]\nwebhook_secret = [\"" + canary + "\"]\n"), Not(HasSubstr(canary)));
  EXPECT_THAT(refusal("[auth]\ninvited = \"" + number + "\"\n"), Not(HasSubstr(number)));
  EXPECT_THAT(refusal("[auth]\nwebhook_secret = \"" + canary + " x\"\n"), Not(HasSubstr(canary)));
  EXPECT_THAT(load({canary}).error(), Not(HasSubstr(canary)));
}

// Goal: what is printed is TOML and JSON, with the values that are in force.
TEST_F(config_loader, TheEffectiveConfigurationIsPrintedAsTomlAndJson) {
  write("[cluster]\nname = \"a \\\"b\\\" \\\\ c\"\n");
  const auto loaded = load({"listen.addresses=127.0.0.1, ::1", "log.level=debug"});
  ASSERT_TRUE(loaded) << loaded.error();
  EXPECT_EQ(loaded->values.listen.addresses, (std::vector<std::string>{"127.0.0.1", "::1"}));
  const auto json = nlohmann::json::parse(describe_config_json(*loaded));
  EXPECT_EQ(json["cluster.name"]["value"], "a \"b\" \\ c");
  EXPECT_EQ(json["log.level"]["origin"], "--set");
  EXPECT_EQ(json["listen.port"]["value"], 4430);
  write(describe_config(*loaded));
  const auto again = load();
  ASSERT_TRUE(again) << again.error();
  EXPECT_EQ(again->values.cluster.name, loaded->values.cluster.name);
  EXPECT_EQ(again->values.listen.addresses, loaded->values.listen.addresses);
}

// Goal: a node can be started from any folder: paths in a file are meant from where the file is.
TEST_F(config_loader, PathsInTheFileAreRelativeToIt) {
  write("[node]\ndata = \"data\"\n[log]\nfile = \"../godwit.log\"\n[auth]\ninvited_file = \"/etc/invited\"\n");
  const auto loaded = load();
  ASSERT_TRUE(loaded) << loaded.error();
  EXPECT_EQ(loaded->values.node.data, (folder_ / "data").string());
  EXPECT_EQ(loaded->values.log.file, (folder_.parent_path() / "godwit.log").string());
  EXPECT_EQ(loaded->values.auth.invited_file, "/etc/invited");
  EXPECT_EQ(load({"log.file=here.log"})->values.log.file, "here.log");
}

} // namespace
} // namespace godwit::node
