#include "config/config_fields.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>
#include <string>

namespace godwit::config {
namespace {

std::string text_of(const char* file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Goal: nobody forgets a value. Every row of the table reaches a place of its own, in a section that is
// listed, and says what it is for.
TEST(config_fields, EachRowHasAPlaceOfItsOwnAndAMeaning) {
  std::set<std::string> keys;
  std::set<const void*> places;
  std::set<std::string_view> names;
  for (const section& each : sections()) {
    names.insert(each.name);
  }
  node_config values;
  for (const field& each : fields()) {
    EXPECT_TRUE(keys.insert(each.key()).second) << each.key();
    EXPECT_TRUE(names.contains(each.section)) << each.key();
    EXPECT_TRUE(each.meaning.ends_with('.')) << each.key();
    const void* place = std::visit(
      [](auto slot) -> const void* {
        if constexpr (std::is_same_v<decltype(slot), choice_slot>) {
          return slot.value;
        } else {
          return slot;
        }
      },
      each.slot(values));
    EXPECT_TRUE(places.insert(place).second) << each.key() << " has the place of another key";
    EXPECT_EQ(find_field(each.section, each.name), &each);
  }
  EXPECT_EQ(find_field("listen", "prot"), nullptr);
}

// Goal: the defaults are an honest configuration, and numbers have bounds.
TEST(config_fields, DefaultsAreInsideTheirBounds) {
  node_config values;
  for (const field& each : fields()) {
    const field_slot slot = each.slot(values);
    if (const auto* number = std::get_if<std::uint64_t*>(&slot)) {
      EXPECT_LT(each.min, each.max) << each.key();
      EXPECT_GE(**number, each.min) << each.key();
      EXPECT_LE(**number, each.max) << each.key();
    }
    if (const auto* choice = std::get_if<choice_slot>(&slot)) {
      EXPECT_LT(*choice->value, each.choices.size()) << each.key();
    }
  }
  const auto bad = validate(values);
  EXPECT_FALSE(bad.has_value()) << bad->key;
}

// Goal: secrets are shown to nobody by accident, and one can still see whether they are set.
TEST(config_fields, ASecretIsMaskedOnceItIsSet) {
  const field* secret = find_field("auth", "webhook_secret");
  const field* invited = find_field("auth", "invited");
  node_config values;
  EXPECT_EQ(value_text(*secret, values), "\"\"");
  values.auth.webhook_secret = "canary";
  values.auth.invited = {"+4915112345678"};
  EXPECT_EQ(value_text(*secret, values), "\"***\"");
  EXPECT_EQ(value_text(*invited, values), "[\"***\"]");
  EXPECT_EQ(value_text(*secret, values, true), "\"canary\"");
}

// Goal: a text with any byte in it cannot leave its quotes.
TEST(config_fields, TextsAreQuotedAsTomlHasThem) {
  node_config values;
  values.cluster.name = "a \"b\" \\ \n \x7f";
  EXPECT_EQ(value_text(*find_field("cluster", "name"), values), R"("a \"b\" \\ \u000a \u007f")");
  values.listen.addresses = {"::1", "127.0.0.1"};
  EXPECT_EQ(value_text(*find_field("listen", "addresses"), values), R"(["::1", "127.0.0.1"])");
}

// Goal: the files people read are the table's own words.
TEST(config_fields, TheExampleFileAndTheManualAreThoseOfTheTable) {
  EXPECT_EQ(text_of(GODWIT_EXAMPLE), example_text())
    << "write it anew: godwit config example > config/godwit.example.toml";
  EXPECT_NE(text_of(GODWIT_MANUAL).find(manual_text()), std::string::npos)
    << "put the output of `godwit config manual` into docs/operating.md";
}

} // namespace
} // namespace godwit::config
