#include <gtest/gtest.h>

#include <set>

#include "actors/account/phone_number.hpp"
#include "persistence/records/account.pb.h"
#include "persistence/state/row_key.hpp"
#include "tests/actors/account/logic_world.hpp"

namespace godwit::account::testing {
namespace {

constexpr std::uint64_t number = 4915112345678;
constexpr std::uint64_t first_key = 11;
constexpr std::uint64_t second_key = 22;

/// One phone number and what is asked of it.
class phone : public ::testing::Test {
protected:
  command::PhoneCommand what(std::uint64_t of = number) {
    command::PhoneCommand made;
    made.set_number(of);
    return made;
  }

  rpc_result<std::string> send(const command::PhoneCommand& made) {
    return world.command(phone_of(made.number()), made.SerializeAsString());
  }

  rpc_result<std::string> request(std::uint64_t key = first_key, std::uint64_t of = number, bool may_register = true) {
    auto made = what(of);
    made.mutable_request_code()->set_key(key);
    made.mutable_request_code()->set_may_register(may_register);
    return send(made);
  }

  std::string requested_hash(std::uint64_t key = first_key, std::uint64_t of = number) {
    return parse<command::CodeSent>(request(key, of).value()).phone_code_hash();
  }

  rpc_result<std::string> check(const std::string& hash, const std::string& code, std::uint64_t key = first_key) {
    auto made = what();
    made.mutable_check_code()->set_key(key);
    made.mutable_check_code()->set_phone_code_hash(hash);
    made.mutable_check_code()->set_code(code);
    return send(made);
  }

  rpc_result<std::string> resend(const std::string& hash) {
    auto made = what();
    made.mutable_resend_code()->set_key(first_key);
    made.mutable_resend_code()->set_phone_code_hash(hash);
    return send(made);
  }

  rpc_result<std::string> reserve(const std::string& hash, std::uint64_t key, std::int64_t user = 0) {
    auto made = what();
    made.mutable_reserve_claim()->set_key(key);
    made.mutable_reserve_claim()->set_phone_code_hash(hash);
    made.mutable_reserve_claim()->set_user(user);
    return send(made);
  }

  std::string sent_code() { return world.codes.back().code; }

  static std::string wrong(std::string code) {
    code[0] = code[0] == '9' ? '8' : static_cast<char>(code[0] + 1);
    return code;
  }

  logic_world world;
};

rpc_error error_of(const rpc_result<std::string>& result) {
  return result ? rpc_error{rpc_errc::rpc_call_fail} : result.error();
}

// Goal: a crash gives no guess back. Method: every wrong guess is followed by a restart from the rows.
TEST_F(phone, AFailedAttemptIsCommittedBeforeItIsAnswered) {
  const std::string hash = requested_hash();
  for (std::uint32_t i = 0; i < world.options.code_attempts; ++i) {
    const int commits = world.commits();
    EXPECT_EQ(error_of(check(hash, wrong(sent_code()))), rpc_errc::phone_code_invalid);
    EXPECT_EQ(world.commits(), commits + 1);
    world.restart();
  }
  EXPECT_EQ(error_of(check(hash, sent_code())), rpc_errc::phone_code_expired);
}

// Goal: the guesses of a crash between commit and answer count. Method: the world ends right after the commit.
TEST_F(phone, AGuessWhoseAnswerWasLostCounts) {
  world.options.code_attempts = 1;
  const std::string hash = requested_hash();
  world.crash_at(1, true);
  EXPECT_THROW(check(hash, wrong(sent_code())), crash);
  EXPECT_EQ(error_of(check(hash, sent_code())), rpc_errc::phone_code_expired);
}

TEST_F(phone, ACodeEndsWithItsTime) {
  const std::string hash = requested_hash();
  world.now += world.options.code_expiry_seconds - 1;
  EXPECT_EQ(error_of(check(hash, wrong(sent_code()))), rpc_errc::phone_code_invalid);
  world.now += 1;
  EXPECT_EQ(error_of(check(hash, sent_code())), rpc_errc::phone_code_expired);
}

TEST_F(phone, AProofLastsAQuarterOfAnHourForSigningUp) {
  const std::string hash = requested_hash();
  world.now += world.options.code_expiry_seconds - 1;
  ASSERT_TRUE(check(hash, sent_code()).has_value());
  world.now += 899;
  EXPECT_TRUE(reserve(hash, first_key).has_value());
  world.now += 1;
  EXPECT_EQ(error_of(reserve(hash, first_key)), rpc_errc::phone_code_expired);
}

// Goal: a lost answer locks nobody out. Method: the right code again, across a restart.
TEST_F(phone, TheRightCodeRepeatedByItsKeyIsRightAgain) {
  const std::string hash = requested_hash();
  EXPECT_TRUE(check(hash, sent_code()).has_value());
  world.restart();
  const int commits = world.commits();
  EXPECT_TRUE(check(hash, sent_code()).has_value());
  EXPECT_EQ(world.commits(), commits) << "a repeat changes nothing";
}

TEST_F(phone, ACodeIsOfTheKeyThatAskedForIt) {
  const std::string hash = requested_hash();
  EXPECT_EQ(error_of(check(hash, sent_code(), second_key)), rpc_errc::phone_code_expired);
  EXPECT_EQ(error_of(check("0" + hash, sent_code())), rpc_errc::phone_code_expired);
  EXPECT_TRUE(check(hash, sent_code()).has_value()) << "neither cost an attempt of the key's own";
}

TEST_F(phone, AskingAgainAtOnceSendsNothingAndLaterSendsTheSameCode) {
  const std::string hash = requested_hash();
  EXPECT_EQ(requested_hash(), hash);
  EXPECT_TRUE(resend(hash).has_value());
  EXPECT_EQ(world.codes.size(), 1U);
  world.now += world.options.code_resend_seconds;
  EXPECT_TRUE(resend(hash).has_value());
  ASSERT_EQ(world.codes.size(), 2U);
  EXPECT_EQ(world.codes[0].code, world.codes[1].code);
  EXPECT_EQ(world.codes[1].kind, code_kind::resent_sms);
}

// Goal: a resend gives no attempts back.
TEST_F(phone, AResentCodeKeepsItsUsedAttempts) {
  world.options.code_attempts = 2;
  const std::string hash = requested_hash();
  EXPECT_EQ(error_of(check(hash, wrong(sent_code()))), rpc_errc::phone_code_invalid);
  world.now += world.options.code_resend_seconds;
  EXPECT_TRUE(resend(hash).has_value());
  EXPECT_EQ(error_of(check(hash, wrong(sent_code()))), rpc_errc::phone_code_invalid);
  EXPECT_EQ(error_of(check(hash, sent_code())), rpc_errc::phone_code_expired);
  EXPECT_EQ(error_of(resend(hash)), rpc_errc::phone_code_expired);
}

TEST_F(phone, ANumberGetsSoManyCodesADayWhoeverAsks) {
  world.options.codes_per_number_day = 3;
  EXPECT_TRUE(request(1).has_value());
  EXPECT_TRUE(request(2).has_value());
  EXPECT_TRUE(request(3).has_value());
  world.restart();
  EXPECT_EQ(error_of(request(4)), rpc_errc::phone_number_flood);
  world.now += 86'400;
  EXPECT_TRUE(request(4).has_value());
}

// Goal: no code that is known beforehand. Method: codes of many numbers have their length and differ.
TEST_F(phone, CodesAreRandomAndOfTheSetLength) {
  world.options.code_digits = 6;
  std::set<std::string> seen;
  for (std::uint64_t key = 1; key <= 20; ++key) {
    ASSERT_TRUE(request(key).has_value());
    EXPECT_EQ(sent_code().size(), 6U);
    seen.insert(sent_code());
  }
  EXPECT_GT(seen.size(), 15U);
}

TEST_F(phone, ATestNumberHasItsSixthDigitFiveTimesOnlyWhereTestNumbersAreSet) {
  constexpr std::uint64_t test_number = 9996637123;
  ASSERT_TRUE(request(first_key, test_number).has_value());
  EXPECT_EQ(sent_code(), "33333");
  world.options.test_numbers = false;
  std::set<std::string> seen;
  for (std::uint64_t key = 100; key < 105; ++key) {
    ASSERT_TRUE(request(key, test_number).has_value());
    seen.insert(sent_code());
  }
  EXPECT_GT(seen.size(), 1U);
}

TEST_F(phone, WhoMayNotSignUpGetsNoCode) {
  EXPECT_EQ(error_of(request(first_key, number, false)), rpc_errc::phone_number_banned);
  EXPECT_TRUE(world.codes.empty());
}

TEST_F(phone, ACancelledCodeIsGone) {
  const std::string hash = requested_hash();
  auto made = what();
  made.mutable_cancel_code()->set_key(first_key);
  made.mutable_cancel_code()->set_phone_code_hash(hash);
  EXPECT_TRUE(send(made).has_value());
  EXPECT_EQ(error_of(check(hash, sent_code())), rpc_errc::phone_code_expired);
  EXPECT_EQ(error_of(send(made)), rpc_errc::phone_code_expired);
}

TEST_F(phone, TheOperatorSeesTheCodesThatWait) {
  (void)requested_hash(first_key);
  world.now += 1;
  (void)requested_hash(second_key);
  auto made = what();
  made.mutable_pending_codes();
  auto list = parse<command::PendingCodeList>(send(made).value());
  ASSERT_EQ(list.pending_size(), 2);
  EXPECT_EQ(list.pending(0).code(), world.codes[1].code) << "the newest first";
  world.now += world.options.code_expiry_seconds;
  EXPECT_EQ(parse<command::PendingCodeList>(send(made).value()).pending_size(), 0);
}

// --- the claim ---

TEST_F(phone, OnlyAKeyThatProvedTheCodeReservesTheNumber) {
  const std::string hash = requested_hash();
  EXPECT_EQ(error_of(reserve(hash, first_key)), rpc_errc::phone_code_expired);
  ASSERT_TRUE(check(hash, sent_code()).has_value());
  EXPECT_TRUE(reserve(hash, first_key).has_value());
}

// Goal: two sign-ups of one number cannot make two accounts. Method: both reserve; both get the same account.
TEST_F(phone, TheReservationOfASignUpIsTheSameForWhoeverProvesTheCode) {
  std::set<std::int64_t> reserved;
  for (const std::uint64_t key : {first_key, second_key}) {
    const std::string hash = requested_hash(key);
    ASSERT_TRUE(check(hash, sent_code(), key).has_value());
    reserved.insert(parse<command::Claim>(reserve(hash, key).value()).user());
    world.restart();
    world.now += 100;
  }
  ASSERT_EQ(reserved.size(), 1U);
  EXPECT_GE(*reserved.begin(), 1 << 24);
  EXPECT_LT(*reserved.begin(), std::int64_t{1} << 40);
}

// Goal: an expired claim is settled by asking the owner. Method: an account that has the number reserves it and
// never confirms; the next proof of a code finds it to be the owner.
TEST_F(phone, AnExpiredReservationBelongsToTheAccountThatHasTheNumber) {
  constexpr std::int64_t owner = 1 << 30;
  command::UserCommand create;
  create.mutable_create()->set_phone(number);
  create.mutable_create()->set_first_name("A");
  ASSERT_TRUE(world.command(user_of(owner), create.SerializeAsString()).has_value());
  ASSERT_TRUE(reserve("", 0, owner).has_value());
  world.now += 10'000;
  const std::string hash = requested_hash();
  const auto checked = parse<command::CodeChecked>(check(hash, sent_code()).value());
  EXPECT_EQ(checked.user(), owner);
}

TEST_F(phone, AnExpiredReservationOfAnAccountThatWentAwayIsReleased) {
  constexpr std::int64_t nobody = 1 << 30;
  ASSERT_TRUE(reserve("", 0, nobody).has_value());
  EXPECT_EQ(error_of(reserve("", 0, nobody + 1)), rpc_errc::phone_number_occupied);
  world.now += 10'000;
  EXPECT_TRUE(reserve("", 0, nobody + 1).has_value());
  EXPECT_EQ(error_of(reserve("", 0, nobody)), rpc_errc::phone_number_occupied);
}

TEST_F(phone, AClaimIsConfirmedAndReleasedByItsAccountAlone) {
  ASSERT_TRUE(reserve("", 0, 1 << 30).has_value());
  auto confirm = what();
  confirm.mutable_confirm_claim()->set_user((1 << 30) + 1);
  EXPECT_EQ(error_of(send(confirm)), rpc_errc::phone_number_occupied);
  confirm.mutable_confirm_claim()->set_user(1 << 30);
  EXPECT_EQ(parse<command::Claim>(send(confirm).value()).state(), 2U);
  auto release = what();
  release.mutable_release_claim()->set_user((1 << 30) + 1);
  EXPECT_EQ(parse<command::Claim>(send(release).value()).user(), 1 << 30);
  release.mutable_release_claim()->set_user(1 << 30);
  EXPECT_EQ(parse<command::Claim>(send(release).value()).user(), 0);
}

// Goal: rows are as docs/formats.md has them, byte for byte. Method: its two examples.
TEST(stored_accounts, AreAsTheirFormatSays) {
  constexpr std::int64_t owner = 0x1234567890;
  const auto bytes = [](std::initializer_list<int> list) { return std::string(list.begin(), list.end()); };
  const auto key_of_row = [](records_table table, const cluster::entity_ref& of) {
    return persistence::row_key(persistence::table_id{static_cast<std::uint8_t>(table)}, of.id);
  };
  logic_world world;
  command::PhoneCommand claim;
  claim.set_number(9996612345);
  claim.mutable_reserve_claim()->set_user(owner);
  ASSERT_TRUE(world.command(phone_of(9996612345), claim.SerializeAsString()).has_value());
  claim.mutable_confirm_claim()->set_user(owner);
  ASSERT_TRUE(world.command(phone_of(9996612345), claim.SerializeAsString()).has_value());
  EXPECT_EQ(key_of_row(records_table::phone_claim, phone_of(9996612345)),
            bytes({0x20, 0xae, 0x54, 0x64, 0x61, 0xa8, 0x16, 0x40, 0x60}));
  EXPECT_EQ(world.rows(phone_of(9996612345)).at({records_table::phone_claim, ""}),
            bytes({0x08, 0x90, 0xf1, 0xd9, 0xa2, 0xa3, 0x02, 0x10, 0x02}));

  command::UserCommand create;
  create.mutable_create()->set_phone(9996612345);
  ASSERT_TRUE(world.command(user_of(owner), create.SerializeAsString()).has_value());
  EXPECT_EQ(key_of_row(records_table::user_box, user_of(owner)),
            bytes({0x11, 0x00, 0x00, 0x00, 0x12, 0x34, 0x56, 0x78, 0x90}));
  EXPECT_EQ(world.rows(user_of(owner)).at({records_table::user_box, ""}),
            bytes({0x08, 0x01, 0x20, 0x80, 0xe2, 0xcf, 0xaa, 0x06}));
}

TEST_F(phone, RowsOfExpiredCodesGo) {
  (void)requested_hash(first_key);
  world.now += world.options.code_expiry_seconds;
  (void)requested_hash(second_key);
  int codes = 0;
  for (const auto& [key, value] : world.rows(phone_of(number))) {
    codes += key.first == records_table::phone_code ? 1 : 0;
  }
  EXPECT_EQ(codes, 1);
}

} // namespace
} // namespace godwit::account::testing
