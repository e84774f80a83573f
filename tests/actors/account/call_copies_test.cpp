#include "actors/account/call_copies.hpp"

#include <gtest/gtest.h>

#include <string>

#include "config/limits.hpp"

namespace godwit::account {
namespace {

constexpr auth_key_id key{7};
constexpr unix_time now = 1'700'000'000;

// Goal: a copy that a hung node kept does not undo what came after its later copy. Method: the later one first.
TEST(CallCopies, ACopyThatComesBehindALaterOneIsLate) {
  call_copies copies;
  EXPECT_FALSE(copies.late(key, "block", msg_id{200}, now));
  EXPECT_FALSE(copies.late(key, "unblock", msg_id{300}, now + 1));
  EXPECT_TRUE(copies.late(key, "block", msg_id{100}, now + 15));
}

// Goal: people may do the same thing again, and a session may ask again. Method: greater and equal numbers, other keys.
TEST(CallCopies, WhatIsAskedAgainOnPurposeIsNotLate) {
  call_copies copies;
  EXPECT_FALSE(copies.late(key, "block", msg_id{100}, now));
  EXPECT_FALSE(copies.late(key, "block", msg_id{100}, now)) << "the session that had no answer";
  EXPECT_FALSE(copies.late(key, "block", msg_id{200}, now));
  EXPECT_FALSE(copies.late(auth_key_id{8}, "block", msg_id{50}, now)) << "another device";
  EXPECT_FALSE(copies.late(key, "unblock", msg_id{150}, now));
}

// Goal: bounded. Method: more calls than are kept, and time.
TEST(CallCopies, ForgetsTheOldestAndWhatIsTooOldToCome) {
  call_copies copies;
  EXPECT_FALSE(copies.late(key, "first", msg_id{1000}, now));
  for (std::size_t i = 0; i < limits::call_copies_max; ++i) {
    EXPECT_FALSE(copies.late(key, "call " + std::to_string(i), msg_id{2000 + i}, now));
  }
  EXPECT_FALSE(copies.late(key, "first", msg_id{1}, now));
  EXPECT_TRUE(copies.late(key, "call " + std::to_string(limits::call_copies_max - 1), msg_id{1}, now));
  EXPECT_FALSE(copies.late(key, "call " + std::to_string(limits::call_copies_max - 1), msg_id{1},
                           now + limits::call_copy_seconds + 1));
}

} // namespace
} // namespace godwit::account
