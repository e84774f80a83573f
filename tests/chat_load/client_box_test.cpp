#include <gtest/gtest.h>

#include "protocol/tl/api/message.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/updates.hpp"
#include "tests/chat_load/client_box.hpp"

// The devices are only as good as what they believe: were their state wrong, the checker would judge the wrong thing.

namespace godwit::chat_load {
namespace {

using kind = seen_update::kind;
using verdict = client_box::verdict;

seen_update arrival(std::int32_t pts, std::int32_t id) {
  seen_update made;
  made.what = kind::new_message;
  made.pts = pts;
  made.pts_count = 1;
  made.message.id = id;
  made.message.peer = 7;
  return made;
}

TEST(client_box, TakesWhatFollowsOnce) {
  client_box box;
  EXPECT_FALSE(box.is_known());
  box.set_state(5, 0, 1);
  EXPECT_EQ(box.take(arrival(6, 1)), verdict::applied);
  EXPECT_EQ(box.take(arrival(6, 1)), verdict::old);
  EXPECT_EQ(box.take(arrival(8, 3)), verdict::gap);
  EXPECT_EQ(box.pts(), 6);
  EXPECT_EQ(box.messages().size(), 1U) << "what comes behind a gap waits for the difference";
  EXPECT_TRUE(box.peers().contains(7));
}

TEST(client_box, ADeletionOfSeveralMovesBySoMany) {
  client_box box;
  box.set_state(1, 0, 1);
  ASSERT_EQ(box.take(arrival(2, 1)), verdict::applied);
  ASSERT_EQ(box.take(arrival(3, 2)), verdict::applied);
  seen_update gone;
  gone.what = kind::remove;
  gone.pts = 5;
  gone.pts_count = 2;
  gone.ids = {1, 2};
  EXPECT_EQ(box.take(gone), verdict::applied);
  EXPECT_TRUE(box.messages().empty());
  EXPECT_EQ(box.pts(), 5);
}

TEST(client_box, AnEditOfWhatIsGoneBringsNothingBack) {
  client_box box;
  box.set_state(1, 0, 1);
  seen_update edit = arrival(2, 9);
  edit.what = kind::edit;
  EXPECT_EQ(box.take(edit), verdict::applied);
  EXPECT_TRUE(box.messages().empty());
}

tl::box<tl::Message> message(std::int32_t id, std::int64_t peer, bool out) {
  auto made = tl::make<tl::message>();
  made->id = id;
  made->out = out;
  auto with = tl::make<tl::peerUser>();
  with->user_id = peer;
  made->peer_id = std::move(with);
  made->date = 100;
  made->message_ = "a \"text\"\n";
  return made;
}

// An incoming private message may name no author: then it is the other one.
TEST(seen_updates, AMessageIsWrittenAsTheCheckerReadsIt) {
  const auto in = see(*message(4, 7, false), 1);
  ASSERT_TRUE(in);
  EXPECT_EQ(in->json().str(), R"({"id":4,"peer":7,"from":7,"date":100,"text":"a \"text\"\u000a"})");
  const auto out = see(*message(5, 7, true), 1);
  ASSERT_TRUE(out);
  EXPECT_EQ(out->from, 1);
}

TEST(seen_updates, AnAnswerToASendIsToldApart) {
  tl::updates what;
  auto id = tl::make<tl::updateMessageID>();
  id->id = 4;
  id->random_id = 77;
  what.updates_.push_back(std::move(id));
  auto arrived = tl::make<tl::updateNewMessage>();
  arrived->message = message(4, 7, true);
  arrived->pts = 9;
  arrived->pts_count = 1;
  what.updates_.push_back(std::move(arrived));
  const seen_updates seen = see(what, 1);
  ASSERT_EQ(seen.sent_ids.size(), 1U);
  EXPECT_EQ(seen.sent_ids.front(), (std::pair<std::int64_t, std::int32_t>{77, 4}));
  ASSERT_EQ(seen.updates.size(), 1U);
  EXPECT_EQ(seen.updates.front().pts, 9);
  EXPECT_FALSE(seen.too_long);
  EXPECT_TRUE(see(tl::updatesTooLong{}, 1).too_long);
}

TEST(seen_updates, ADifferenceSaysWhereItLeads) {
  tl::updates_difference what;
  what.new_messages.push_back(message(4, 7, false));
  what.state = tl::make<tl::updates_state>();
  what.state->pts = 12;
  const seen_difference seen = see(what, 1);
  EXPECT_EQ(seen.pts, 12);
  EXPECT_FALSE(seen.slice);
  EXPECT_EQ(seen.json(1.5, 9).str(), R"({"asked":1.500000,"from":9,"to":12,"messages":[)" +
                                       seen.messages.front().json().str() + R"(],"updates":[]})");
  EXPECT_EQ(see(tl::updates_differenceEmpty{}, 1).json(1.5, 9).str(),
            R"({"asked":1.500000,"from":9,"to":9,"messages":[],"updates":[]})");
}

} // namespace
} // namespace godwit::chat_load
