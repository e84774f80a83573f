#include "actors/account/call_copies.hpp"

#include <gtest/gtest.h>

#include <string>

#include "config/limits.hpp"

namespace godwit::account {
namespace {

constexpr auth_key_id key{7};
constexpr unix_time now = 1'700'000'000;

constexpr session_id session{70};

// Goal: a copy that a hung node kept does not undo what came after its later copy. Method: the later one first.
TEST(CallCopies, ACopyThatComesBehindALaterOneIsOlder) {
  call_copies copies;
  EXPECT_FALSE(copies.take(key, session, "block", msg_id{200}, now).older);
  EXPECT_FALSE(copies.take(key, session, "unblock", msg_id{300}, now + 1).older);
  EXPECT_TRUE(copies.take(key, session_id{71}, "block", msg_id{100}, now + 15).older);
}

// Goal: the same call by another way, behind a later one of its session, is told from one that its session asks again.
// Method: equal numbers, before and after a call of the same session and of another one.
TEST(CallCopies, TheSameOneBehindALaterCallOfItsSessionIsOvertaken) {
  call_copies copies;
  (void)copies.take(key, session, "block", msg_id{100}, now);
  (void)copies.take(key, session_id{71}, "mute", msg_id{300}, now);
  EXPECT_FALSE(copies.take(key, session, "block", msg_id{100}, now).overtaken) << "another session says nothing of it";
  (void)copies.take(key, session, "unblock", msg_id{200}, now);
  const auto late = copies.take(key, session, "block", msg_id{100}, now);
  EXPECT_TRUE(late.overtaken);
  EXPECT_FALSE(late.older);
  EXPECT_FALSE(copies.take(key, session, "block", msg_id{400}, now).overtaken) << "on purpose";
}

// Goal: what was answered is answered so again, however often, until the call is made on purpose. Method: an answer, a long
// one, and one that comes when the call was made again.
TEST(CallCopies, AShortAnswerIsKept) {
  call_copies copies;
  (void)copies.take(key, session, "block", msg_id{100}, now);
  EXPECT_EQ(copies.take(key, session, "block", msg_id{100}, now).answer, nullptr);
  copies.begin(key, "block", msg_id{100}, 1);
  EXPECT_TRUE(copies.answered(1, "true").empty());
  for (int again = 0; again < 2; ++again) {
    const auto known = copies.take(key, session, "block", msg_id{100}, now);
    ASSERT_NE(known.answer, nullptr);
    EXPECT_EQ(*known.answer, "true");
  }
  EXPECT_EQ(copies.take(key, session, "block", msg_id{200}, now).answer, nullptr);
  copies.begin(key, "block", msg_id{100}, 2); // of the one before
  EXPECT_TRUE(copies.answered(2, "true").empty());
  EXPECT_EQ(copies.take(key, session, "block", msg_id{200}, now).answer, nullptr);
  copies.begin(key, "block", msg_id{200}, 3);
  EXPECT_TRUE(copies.answered(3, std::string(1000, 'a')).empty());
  EXPECT_EQ(copies.take(key, session, "block", msg_id{200}, now).answer, nullptr);
}

// Goal: copies of a call that is under way wait for it, and for nothing else. Method: two of them; a call that is made
// again on purpose meanwhile, whose answer is another one; a copy when all is answered.
TEST(CallCopies, WhoComesWhileTheFirstIsUnderWayWaitsForIt) {
  call_copies copies;
  const auto come = [&](msg_id message) { return copies.take(key, session, "block", message, now); };
  EXPECT_FALSE(copies.wait(come(msg_id{100}), 1));
  copies.begin(key, "block", msg_id{100}, 1);
  EXPECT_TRUE(copies.wait(come(msg_id{100}), 2));
  EXPECT_TRUE(copies.wait(come(msg_id{100}), 3));
  EXPECT_FALSE(copies.wait(come(msg_id{200}), 4)) << "on purpose";
  copies.begin(key, "block", msg_id{200}, 4);
  EXPECT_FALSE(copies.wait(come(msg_id{100}), 5)) << "older";
  EXPECT_EQ(copies.answered(1, "first"), (std::vector<std::uint64_t>{2, 3}));
  EXPECT_EQ(come(msg_id{200}).answer, nullptr);
  EXPECT_TRUE(copies.under_way());
  EXPECT_TRUE(copies.answered(4, "second").empty());
  EXPECT_FALSE(copies.under_way());
  EXPECT_FALSE(copies.wait(come(msg_id{200}), 6));
  EXPECT_EQ(*come(msg_id{200}).answer, "second");
}

// Goal: people may do the same thing again, and a session may ask again. Method: greater and equal numbers, other keys.
TEST(CallCopies, WhatIsAskedAgainOnPurposeIsNotLate) {
  call_copies copies;
  const auto is_late = [&](auth_key_id by, const char* body, msg_id message) {
    const auto copy = copies.take(by, session, body, message, now);
    return copy.older || copy.overtaken;
  };
  EXPECT_FALSE(is_late(key, "block", msg_id{100}));
  EXPECT_FALSE(is_late(key, "block", msg_id{100})) << "the session that had no answer";
  EXPECT_FALSE(is_late(key, "block", msg_id{200}));
  EXPECT_FALSE(is_late(auth_key_id{8}, "block", msg_id{50})) << "another device";
  EXPECT_FALSE(is_late(key, "unblock", msg_id{150}));
}

// Goal: bounded. Method: more calls than are kept, and time.
TEST(CallCopies, ForgetsTheOldestAndWhatIsTooOldToCome) {
  call_copies copies;
  EXPECT_FALSE(copies.take(key, session, "first", msg_id{1000}, now).older);
  for (std::size_t i = 0; i < limits::call_copies_max; ++i) {
    EXPECT_FALSE(copies.take(key, session, "call " + std::to_string(i), msg_id{2000 + i}, now).older);
  }
  EXPECT_FALSE(copies.take(key, session, "first", msg_id{1}, now).older);
  EXPECT_TRUE(copies.take(key, session, "call " + std::to_string(limits::call_copies_max - 1), msg_id{1}, now).older);
  EXPECT_FALSE(copies
                 .take(key, session, "call " + std::to_string(limits::call_copies_max - 1), msg_id{1},
                       now + limits::call_copy_seconds + 1)
                 .older);
}

} // namespace
} // namespace godwit::account
