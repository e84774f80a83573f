#include <gtest/gtest.h>

#include "actors/account/account_options.hpp"
#include "actors/account/phone_number.hpp"

namespace godwit::account {
namespace {

TEST(phone_number, IsReadWhateverStandsBetweenItsDigits) {
  EXPECT_EQ(parse_phone_number("+49 (30) 901820", false), 4930901820U);
  EXPECT_EQ(parse_phone_number("4930901820", false), 4930901820U);
  EXPECT_EQ(parse_phone_number("+1 650-253-0000", false), 16502530000U);
}

TEST(phone_number, ThatNoTelephoneCanHaveIsRefused) {
  for (const char* text : {"", "+", "abc", "0", "12", "+1 000 000 0000", "999", "+49301234567890123456", "\xff\xfe"}) {
    EXPECT_FALSE(parse_phone_number(text, true)) << text;
  }
  EXPECT_FALSE(parse_phone_number(std::string(10'000, '1'), true));
}

// Goal: test numbers need no numbering plan, where they are set, and are no numbers elsewhere.
TEST(phone_number, OfATestIsTakenAsItIsOnlyWhereTestNumbersAreSet) {
  for (const char* text : {"9996612345", "+99966 1 2345", "999661234567890"}) {
    EXPECT_TRUE(parse_phone_number(text, true)) << text;
    EXPECT_FALSE(parse_phone_number(text, false)) << text;
  }
  EXPECT_FALSE(parse_phone_number("999661234", true)) << "nine digits";
  EXPECT_FALSE(parse_phone_number("9996612345678901", true)) << "sixteen digits";
}

TEST(phone_number, OfATestHasItsSixthDigitFiveTimes) {
  EXPECT_EQ(test_code(9996612345), "11111");
  EXPECT_EQ(test_code(999669123456789), "99999");
}

TEST(registration, IsOpenByInvitationOrClosed) {
  config::auth_section auth;
  auth.invited = {"+1 650-253-0000", "nonsense"};
  EXPECT_TRUE(may_register(options_from(auth, {}), 4930901820));
  auth.registration = config::registration_mode::invitation;
  EXPECT_FALSE(may_register(options_from(auth, {}), 4930901820));
  EXPECT_TRUE(may_register(options_from(auth, {}), 16502530000));
  auth.registration = config::registration_mode::closed;
  EXPECT_FALSE(may_register(options_from(auth, {}), 16502530000));
}

TEST(registration, InvitesTheNumbersOfALineEach) {
  account_options options;
  options.registration = config::registration_mode::invitation;
  EXPECT_EQ(invite(options, "+49 30 901820\n# a remark\n\n+1 650-253-0000"), 2U);
  EXPECT_TRUE(may_register(options, 4930901820));
  EXPECT_TRUE(may_register(options, 16502530000));
}

} // namespace
} // namespace godwit::account
