#include <gtest/gtest.h>

#include <algorithm>

#include "actors/box/done_calls.hpp"
#include "config/limits.hpp"
#include "tests/actors/box/change_calls.hpp"

namespace godwit::box::testing {
namespace {

namespace fn = tl::fn;

constexpr std::uint64_t first = 1;
constexpr std::uint64_t other = 2;
constexpr std::uint64_t again = 3;

/// One account's clients lose their sessions and call once more what was not answered. What they hear is what the
/// first answer said: a session hears of its own changes by answers alone, so one that said "nothing changed" would
/// leave a hole between what its client knows and the next push.
class repeated_calls_test : public change_test {
protected:
  rpc_result<tl::box<tl::Updates>> edit_as(std::uint64_t session, message_id id, const std::string& text) {
    fn::messages_editMessage call;
    call.peer = world.peer(1, 2);
    call.id = id;
    call.message = text;
    return run(call, session);
  }
  rpc_result<tl::box<tl::Updates>> pin_as(std::uint64_t session, message_id id, bool unpin = false) {
    fn::messages_updatePinnedMessage call;
    call.peer = world.peer(1, 2);
    call.id = id;
    call.unpin = unpin;
    call.pm_oneside = true;
    return run(call, session);
  }
  affected erase_history_as(std::uint64_t session, bool just_clear = false) {
    fn::messages_deleteHistory call;
    call.peer = world.peer(1, 2);
    call.just_clear = just_clear;
    return affected_by(run(call, session));
  }
  affected read_as(std::uint64_t session, message_id max_id = 0) {
    fn::messages_readHistory call;
    call.peer = world.peer(1, 2);
    call.max_id = max_id;
    const auto answer = run(call, session);
    return answer ? affected{(*answer)->pts, (*answer)->pts_count, 0} : affected{};
  }
  affected unpin_all_as(std::uint64_t session) {
    fn::messages_unpinAllMessages call;
    call.peer = world.peer(1, 2);
    return affected_by(run(call, session));
  }

  template <class Function>
  rpc_result<typename Function::result> run(const Function& call, std::uint64_t session) {
    auto answer = world.call(1, call, newest_layer, session);
    world.run();
    return answer;
  }
  /// What the session is told that the last answer tells of.
  [[nodiscard]] affected told_by_last_answer() const {
    const entity::entity_answer* const answer = world.answer(world.last_call());
    return answer != nullptr ? affected{answer->pts, answer->pts_count, 0} : affected{};
  }
  template <class Answer>
  static affected affected_by(const Answer& answer) {
    return answer ? affected{(*answer)->pts, (*answer)->pts_count, (*answer)->offset} : affected{};
  }

  std::size_t done_rows() { return world.table(1, records_table::done_call).size(); }
  std::string text_of(message_id id) { return world.message(1, 2, id)->text(); }
};

/// What another device wrote meanwhile stays, and is what the repetition is answered with, at the pts of then.
TEST_F(repeated_calls_test, ARepeatedEditDoesNotUndoANewerOne) {
  const message_id id = say(1, 2, "before");
  ASSERT_TRUE(edit_as(first, id, "older"));
  const std::int32_t moved_to = pts(1);
  ASSERT_TRUE(edit_as(other, id, "newer"));
  world.listen(1, other);
  world.listen(2, 1);
  const auto rows = world.rows(1);

  const auto answer = edit_as(again, id, "older");
  ASSERT_TRUE(answer);
  const auto* updates = tl::as<tl::updates>(*answer);
  ASSERT_NE(updates, nullptr);
  ASSERT_EQ(updates->updates_.size(), 1U);
  const auto* update = tl::as<tl::updateEditMessage>(updates->updates_[0]);
  ASSERT_NE(update, nullptr);
  EXPECT_EQ(update->pts, moved_to);
  EXPECT_EQ(update->pts_count, 1);
  EXPECT_EQ(told_by_last_answer(), (affected{moved_to, 1, 0}));
  EXPECT_EQ(tl::as<tl::message>(update->message)->message_, "newer");
  EXPECT_GE(updates->users.size(), 2U);
  EXPECT_EQ(world.rows(1), rows);
  EXPECT_EQ(world.message(2, 1, 1)->text(), "newer");
  EXPECT_TRUE(world.pushes.empty());
}

/// The edit was made, and reached the other side: an error would say that it was not.
TEST_F(repeated_calls_test, ARepeatedEditOfAMessageThatIsGoneTellsThatItIs) {
  const message_id id = say(1, 2, "before");
  ASSERT_TRUE(edit_as(first, id, "after"));
  const std::int32_t moved_to = pts(1);
  ASSERT_TRUE(erase(world, 1, {id}));
  const auto answer = edit_as(again, id, "after");
  ASSERT_TRUE(answer);
  const auto* updates = tl::as<tl::updates>(*answer);
  ASSERT_NE(updates, nullptr);
  ASSERT_EQ(updates->updates_.size(), 1U);
  const auto* update = tl::as<tl::updateDeleteMessages>(updates->updates_[0]);
  ASSERT_NE(update, nullptr);
  EXPECT_EQ(update->messages, std::vector<message_id>{id});
  EXPECT_EQ(update->pts, moved_to);
  EXPECT_EQ(told_by_last_answer(), (affected{moved_to, 1, 0}));
}

/// An edit that waits for the same edit is the same repetition.
TEST_F(repeated_calls_test, ARepetitionWaitsForWhatItRepeats) {
  box_world slow(11);
  slow.add(1);
  slow.add(2);
  send(slow, 1, 2, "before", 1);
  fn::messages_editMessage call;
  call.peer = slow.peer(1, 2);
  call.id = 1;
  call.message = "after";
  const std::uint64_t begun = slow.start(1, call, newest_layer, first);
  const std::uint64_t repeated = slow.start(1, call, newest_layer, again);
  slow.run();
  EXPECT_TRUE(slow.answer(begun)->body);
  EXPECT_TRUE(slow.answer(repeated)->body); // executed, it would be MESSAGE_NOT_MODIFIED
  EXPECT_EQ(slow.at(1).core->box.pts(), 3);
}

/// Messages that came after the history was cleared were not meant.
TEST_F(repeated_calls_test, ARepeatedClearingLeavesWhatCameSince) {
  say(2, 1);
  say(1, 2);
  const affected done = erase_history_as(first);
  EXPECT_EQ(done, (affected{pts(1), 2, 0}));
  say(2, 1, "fresh");
  EXPECT_EQ(erase_history_as(again), done);
  EXPECT_EQ(told_by_last_answer(), done);
  ASSERT_TRUE(world.message(1, 2, 3).has_value());
  EXPECT_EQ(text_of(3), "fresh");
}

TEST_F(repeated_calls_test, ARepeatedReadingLeavesWhatCameSinceUnread) {
  say(2, 1);
  const affected done = read_as(first);
  EXPECT_EQ(done, (affected{pts(1), 1, 0}));
  say(2, 1);
  EXPECT_EQ(read_as(again), done);
  EXPECT_EQ(told_by_last_answer(), done);
  EXPECT_EQ(world.dialog(1, 2)->unread(), 1);
}

/// What is read or deleted once stays so; the answer, with the pts of then, is what its client lacks.
TEST_F(repeated_calls_test, RepeatedReadingsUpToAMessageAndDeletionsTellOfTheFirst) {
  say(2, 1);
  say(2, 1);
  const affected read = read_as(first, 1);
  EXPECT_EQ(read, (affected{pts(1), 1, 0}));
  fn::messages_deleteMessages call;
  call.id = {1, 2};
  const auto erase_as = [&](std::uint64_t session) {
    const auto answer = run(call, session);
    return answer ? affected{(*answer)->pts, (*answer)->pts_count, 0} : affected{};
  };
  const affected erased = erase_as(first);
  EXPECT_EQ(erased, (affected{pts(1), 2, 0}));
  say(2, 1);
  world.restart();
  const auto rows = world.rows(1);
  EXPECT_EQ(read_as(again, 1), read);
  EXPECT_EQ(told_by_last_answer(), read);
  EXPECT_EQ(erase_as(again), erased);
  EXPECT_EQ(told_by_last_answer(), erased);
  EXPECT_EQ(world.rows(1), rows);
}

TEST_F(repeated_calls_test, RepeatedPinsDoNotUndoNewerOnes) {
  const message_id id = say(1, 2);
  ASSERT_TRUE(pin_as(first, id));
  const std::int32_t moved_to = pts(1);
  ASSERT_TRUE(pin_as(other, id, true));
  const auto answer = pin_as(again, id);
  ASSERT_TRUE(answer);
  const auto& told = tl::as<tl::updates>(*answer)->updates_;
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(tl::as<tl::updatePinnedMessages>(told[0])->pts, moved_to);
  EXPECT_TRUE(tl::as<tl::updatePinnedMessages>(told[0])->pinned);
  EXPECT_EQ(told_by_last_answer(), (affected{moved_to, 1, 0}));
  EXPECT_FALSE(world.message(1, 2, id)->pinned());

  const message_id later = say(1, 2);
  ASSERT_TRUE(pin_as(first, id));
  const affected done = unpin_all_as(first);
  EXPECT_EQ(done, (affected{pts(1), 1, 0}));
  ASSERT_TRUE(pin_as(other, later));
  EXPECT_EQ(unpin_all_as(again), done);
  EXPECT_EQ(told_by_last_answer(), done);
  EXPECT_TRUE(world.message(1, 2, later)->pinned());
}

/// A pin that was told to the other side moved the pts twice. The message that told of it is shown as it is now, or as
/// gone.
TEST_F(repeated_calls_test, ARepeatedPinTellsOfItsMessageToo) {
  const message_id id = say(1, 2);
  fn::messages_updatePinnedMessage call;
  call.peer = world.peer(1, 2);
  call.id = id;
  ASSERT_TRUE(run(call, first));
  const affected done = told_by_last_answer();
  EXPECT_EQ(done, (affected{pts(1), 2, 0}));
  say(2, 1);
  world.restart();
  const auto rows = world.rows(1);
  const auto answer = run(call, again);
  ASSERT_TRUE(answer);
  EXPECT_EQ(told_by_last_answer(), done);
  const auto& told = tl::as<tl::updates>(*answer)->updates_;
  ASSERT_EQ(told.size(), 2U);
  EXPECT_EQ(tl::as<tl::updatePinnedMessages>(told[0])->pts, done.pts - 1);
  const auto* notice = tl::as<tl::updateNewMessage>(told[1]);
  ASSERT_NE(notice, nullptr);
  EXPECT_EQ(notice->pts, done.pts);
  const message_id of_notice = tl::as<tl::messageService>(notice->message)->id;
  EXPECT_EQ(world.rows(1), rows);

  ASSERT_TRUE(erase(world, 1, {of_notice}));
  const auto later = run(call, again);
  ASSERT_TRUE(later);
  const auto& gone = tl::as<tl::updates>(*later)->updates_;
  ASSERT_EQ(gone.size(), 2U);
  EXPECT_EQ(tl::as<tl::updateDeleteMessages>(gone[1])->messages, std::vector{of_notice});
  EXPECT_EQ(tl::as<tl::updateDeleteMessages>(gone[1])->pts, done.pts);

  // With its place in the log gone as well nobody knows which message it was.
  const auto all = world.rows(1);
  ASSERT_EQ(world.rows(1).erase({records_table::update, update_key(done.pts)}), 1U);
  world.restart();
  const auto last = run(call, again);
  ASSERT_TRUE(last);
  EXPECT_EQ(tl::as<tl::updates>(*last)->updates_.size(), 1U);
  EXPECT_EQ(told_by_last_answer(), done);
  world.rows(1) = all;
}

/// Rows of a version that did not keep it: the answer names where the box is, and tells of nothing.
TEST_F(repeated_calls_test, ARowThatDoesNotSayIsAnsweredWithNoChange) {
  const message_id id = say(1, 2);
  ASSERT_TRUE(pin_as(first, id));
  say(2, 1);
  for (auto& [key, value] : world.rows(1)) {
    if (key.first == records_table::done_call) {
      persistence::records::DoneCall row;
      ASSERT_TRUE(row.ParseFromString(value));
      EXPECT_EQ(row.pts_count(), 1);
      row.clear_pts();
      row.clear_pts_count();
      value = row.SerializeAsString();
    }
  }
  world.restart();
  const auto answer = pin_as(again, id);
  ASSERT_TRUE(answer);
  EXPECT_TRUE(tl::as<tl::updates>(*answer)->updates_.empty());
  EXPECT_EQ(told_by_last_answer(), (affected{pts(1), 0, 0}));
}

TEST_F(repeated_calls_test, ASessionRepeatsOnPurpose) {
  say(2, 1);
  EXPECT_EQ(erase_history_as(first).pts_count, 1);
  say(2, 1);
  const affected second = erase_history_as(first);
  EXPECT_EQ(second, (affected{pts(1), 1, 0}));
  EXPECT_EQ(done_rows(), 1U);
  // Of both, a repetition is one: the later one.
  say(2, 1);
  EXPECT_EQ(erase_history_as(again), second);
  EXPECT_EQ(world.dialog(1, 2)->messages(), 1);
}

TEST_F(repeated_calls_test, AMinuteLaterItIsAnotherCall) {
  const message_id id = say(1, 2, "before");
  ASSERT_TRUE(edit_as(first, id, "older"));
  ASSERT_TRUE(edit_as(other, id, "newer"));
  world.now += limits::repeated_call_seconds - 1;
  ASSERT_TRUE(edit_as(again, id, "older"));
  EXPECT_EQ(text_of(id), "newer");
  world.now += 1; // what was answered in between does not count
  ASSERT_TRUE(edit_as(again, id, "older"));
  EXPECT_EQ(text_of(id), "older");
}

/// The rows tell it to whoever leads the account next. A client may keep the number of a session that was lost.
TEST_F(repeated_calls_test, ARestartForgetsNothing) {
  const message_id id = say(1, 2, "before");
  ASSERT_TRUE(edit_as(first, id, "older"));
  ASSERT_TRUE(edit_as(other, id, "newer"));
  for (const std::uint64_t session : {first, again}) {
    world.restart();
    ASSERT_TRUE(edit_as(session, id, "older"));
    EXPECT_EQ(text_of(id), "newer");
  }
  world.now += limits::repeated_call_seconds;
  world.restart();
  ASSERT_TRUE(edit_as(first, id, "older"));
  EXPECT_EQ(text_of(id), "older");
}

TEST_F(repeated_calls_test, ANewSessionUnderAnOldNumberIsAnotherOne) {
  say(2, 1);
  EXPECT_EQ(read_as(first).pts_count, 1);
  say(2, 1);
  world.at(1).box->session_lost(box_world::session_of(1, other));
  const affected second = read_as(first);
  EXPECT_EQ(second, (affected{pts(1), 1, 0}));
  say(2, 1);
  world.at(1).box->session_lost(box_world::session_of(1, first));
  EXPECT_EQ(read_as(first), second);
  EXPECT_EQ(world.dialog(1, 2)->unread(), 1) << "it was answered, and not executed";
}

/// A client that is told to call again does so with the same bytes, whatever became of its session.
TEST_F(repeated_calls_test, WhatGoesOnInSeveralCallsGoesOnAfterARestart) {
  say(2, 1);
  EXPECT_EQ(erase_history_as(first).offset, 0);
  for (std::size_t i = 0; i < limits::messages_changed_max + 5; ++i) {
    say(2, 1);
  }
  EXPECT_NE(erase_history_as(first).offset, 0);
  EXPECT_EQ(done_rows(), 0U);
  world.restart();
  const affected rest = erase_history_as(again);
  EXPECT_EQ(rest.pts_count, 5);
  EXPECT_EQ(rest.offset, 0);
  EXPECT_EQ(done_rows(), 1U);
}

/// The row is in the mutation that it tells of; calls that change nothing have none.
TEST_F(repeated_calls_test, RowsGoWithTheChange) {
  int mutations = 0;
  world.on_effects = [&](std::int64_t, const entity_effects& out) {
    const auto puts = [&](records_table table) {
      return std::any_of(out.rows.begin(), out.rows.end(),
                         [&](const auto& each) { return each.table == table && each.value; });
    };
    if (puts(records_table::done_call)) {
      ++mutations;
      EXPECT_TRUE(puts(records_table::update));
    }
  };
  const message_id id = say(1, 2);
  EXPECT_EQ(read_as(first).pts_count, 0);
  ASSERT_TRUE(edit_as(first, id, "after"));
  EXPECT_EQ(mutations, 1);
  EXPECT_FALSE(edit_as(first, id, "after"));
  ASSERT_TRUE(pin_as(first, id, true));
  say(2, 1);
  EXPECT_EQ(read_as(first, 2).pts_count, 1);
  EXPECT_EQ(read_as(first, 2).pts_count, 0);
  EXPECT_EQ(mutations, 2);
  EXPECT_EQ(erase(world, 1, {2})->pts_count, 1);
  EXPECT_EQ(erase(world, 1, {2})->pts_count, 0);
  EXPECT_EQ(mutations, 3);
  EXPECT_EQ(erase_history_as(first, true).pts_count, 1);
  EXPECT_EQ(mutations, 4);
  world.on_effects = nullptr;
}

/// However much one changes, few rows are kept, and old ones go with the next change of any sort.
TEST_F(repeated_calls_test, RowsAreFewAndGoWithTime) {
  const message_id id = say(1, 2, "before");
  for (std::size_t i = 0; i < limits::repeated_calls_max + 20; ++i) {
    ASSERT_TRUE(edit_as(first, id, "edit " + std::to_string(i)));
  }
  EXPECT_EQ(done_rows(), limits::repeated_calls_max);
  const std::string last = text_of(id);
  ASSERT_TRUE(edit_as(again, id, "edit 20"));
  EXPECT_EQ(text_of(id), last);
  ASSERT_TRUE(edit_as(again, id, "edit 19")); // forgotten, so made
  EXPECT_EQ(text_of(id), "edit 19");
  world.restart();
  world.now += limits::repeated_call_seconds;
  ASSERT_EQ(done_rows(), limits::repeated_calls_max);
  say(1, 2);
  EXPECT_EQ(done_rows(), 0U);
}

TEST(done_calls_test, AnotherKeyIsAnotherClient) {
  done_calls calls;
  const call_context call{
    .ticket = 1, .layer = newest_layer, .asker = {auth_key_id{5}, session_id{1}}, .now = 100, .body = 7};
  entity_effects out;
  calls.begin(call, 1);
  calls.write(1, {2, 1}, 100, out);
  ASSERT_EQ(out.rows.size(), 1U);
  call_context other_call = call;
  other_call.asker.session = session_id{2};
  EXPECT_TRUE(calls.has(other_call, 100));
  other_call.body = 8;
  EXPECT_FALSE(calls.has(other_call, 100));
  other_call.body = 7;
  other_call.asker.key = auth_key_id{6};
  EXPECT_FALSE(calls.has(other_call, 100));

  // The row says the same.
  done_calls next;
  ASSERT_TRUE(next.load(out.rows[0].sub_key, *out.rows[0].value));
  EXPECT_TRUE(next.has(call, 159));
  EXPECT_FALSE(next.has(call, 160));
  EXPECT_FALSE(next.has(other_call, 159));
  EXPECT_FALSE(next.load("short", *out.rows[0].value));
}

// Goal: a copy that lay somewhere while its client went on is not executed, be it of the session that lives. Method: copies
// before, at and behind the message id of the executed one, also after the row was read again.
TEST(done_calls_test, ACopyIsExecutedForNobodyButALaterOne) {
  done_calls calls;
  const auto copy = [](std::uint64_t message) {
    return call_context{.ticket = 1,
                        .layer = newest_layer,
                        .asker = {auth_key_id{5}, session_id{1}},
                        .now = 100,
                        .body = 7,
                        .message = msg_id{message}};
  };
  entity_effects out;
  calls.begin(copy(400), 1);
  calls.write(1, {2, 1}, 100, out);
  ASSERT_EQ(out.rows.size(), 1U);
  EXPECT_TRUE(calls.has(copy(399), 101));
  EXPECT_TRUE(calls.has(copy(400), 101)) << "the same one, by whichever way";
  EXPECT_FALSE(calls.has(copy(500), 101));
  done_calls next;
  ASSERT_TRUE(next.load(out.rows[0].sub_key, *out.rows[0].value));
  EXPECT_TRUE(next.has(copy(399), 101));
  EXPECT_TRUE(next.has(copy(400), 101));
}

TEST(done_calls_test, OnlyTheOperationOfTheCallWritesIt) {
  done_calls calls;
  const call_context call{
    .ticket = 1, .layer = newest_layer, .asker = {auth_key_id{5}, session_id{1}}, .now = 100, .body = 7};
  entity_effects out;
  calls.begin(call, 1);
  calls.write(2, {2, 1}, 100, out); // the first one changed nothing
  EXPECT_TRUE(out.rows.empty());
  calls.begin(call, 3);
  calls.write(3, {5, 3}, 100, out);
  calls.write(3, {6, 1}, 100, out); // the same row again, which now tells of both
  calls.write(4, {9, 3}, 100, out);
  ASSERT_EQ(out.rows.size(), 2U);
  EXPECT_EQ(out.rows[0].sub_key, out.rows[1].sub_key);
  done_calls next;
  ASSERT_TRUE(next.load(out.rows[1].sub_key, *out.rows[1].value));
  for (const done_calls* each : {&calls, &next}) {
    call_context other_call = call;
    other_call.asker.session = session_id{2};
    const auto told = each->find(other_call, 100);
    ASSERT_TRUE(told.has_value());
    EXPECT_EQ(told->pts, 6);
    EXPECT_EQ(told->pts_count, 4);
  }
}

/// The hash is on disk.
TEST(done_calls_test, TheHashNeverChanges) {
  EXPECT_EQ(done_calls::hash_of(""), 0xcbf29ce484222325U);
  EXPECT_EQ(done_calls::hash_of("a"), 0xaf63dc4c8601ec8cU);
  EXPECT_EQ(done_calls::hash_of("foobar"), 0x85944171f73967e8U);
}

} // namespace
} // namespace godwit::box::testing
