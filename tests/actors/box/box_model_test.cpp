#include <gtest/gtest.h>

#include <cstdlib>

#include "config/limits.hpp"
#include "tests/actors/box/box_model.hpp"
#include "tests/actors/box/change_calls.hpp"

namespace godwit::box::testing {
namespace {

using persistence::records::Message;
constexpr std::int64_t accounts = 3;

/// Numbers from a seed.
class lots {
public:
  explicit lots(std::uint64_t seed) : state_(seed * 7919 + 1) {}
  std::int64_t below(std::int64_t bound) {
    state_ = state_ * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<std::int64_t>((state_ >> 33) % static_cast<std::uint64_t>(bound));
  }
  bool one_in(std::int64_t n) { return below(n) == 0; }

private:
  std::uint64_t state_;
};

/// What is in a box, seen as the model sees it.
box_model::dialog dialog_of(const box_world& world, std::int64_t who, std::int64_t peer) {
  box_model::dialog all;
  for (const auto& [key, value] : world.table(who, records_table::message)) {
    const auto place = read_message_key(key).value();
    if (place.peer.value() == peer) {
      Message message;
      message.ParseFromString(value);
      all[place.id] = {.out = message.out(),
                       .origin = message.origin_id(),
                       .text = message.text(),
                       .pinned = message.pinned(),
                       .service = message.action().pin_message(),
                       .cleared = message.action().history_clear()};
    }
  }
  return all;
}

/// Rows that find messages by their origin, and messages that should be found so.
std::pair<std::size_t, std::size_t> origins_of(const box_world& world, std::int64_t who) {
  std::size_t named = 0;
  for (const auto& [key, value] : world.table(who, records_table::message)) {
    Message message;
    message.ParseFromString(value);
    named += message.origin_id() != 0 ? 1 : 0;
  }
  return {world.table(who, records_table::message_origin).size(), named};
}

/// One thing that an account does, in the world and in the model.
class random_changes {
public:
  random_changes(box_world& world, box_model& model, std::uint64_t seed) : world_(world), model_(model), lots_(seed) {}

  void one() {
    const std::int64_t who = 1 + lots_.below(accounts);
    const std::int64_t peer = 1 + lots_.below(accounts);
    const message_id id = any_id(who);
    const std::string text = "text " + std::to_string(lots_.below(5));
    switch (lots_.below(12)) {
    case 0: return erase_some(who);
    case 1: return erase_all(who, peer);
    case 2:
    case 3: {
      const message_id max_id = lots_.one_in(2) ? 0 : id;
      read_up_to(world_, who, peer, max_id);
      return model_.read(who, peer, max_id);
    }
    case 4:
    case 5: edit(world_, who, peer, id, text); return model_.edit(who, peer, id, text);
    case 6: {
      const bool unpin = lots_.one_in(3);
      const bool one_side = lots_.one_in(3);
      pin(world_, who, peer, id, {.unpin = unpin, .one_side = one_side});
      return model_.pin(who, peer, id, unpin, one_side);
    }
    case 7:
      if (lots_.one_in(4)) {
        unpin_all(world_, who, peer);
        model_.unpin_all(who, peer);
      }
      return;
    default: send(world_, who, peer, text, ++random_id_); return model_.send(who, peer, text);
    }
  }

  void compare() {
    for (std::int64_t who = 1; who <= accounts; ++who) {
      ASSERT_EQ(world_.faults(who), "") << "account " << who;
      ASSERT_EQ(world_.at(who).core->box.pts(), model_.of(who).pts) << "account " << who;
      const auto [origins, named] = origins_of(world_, who);
      ASSERT_EQ(origins, named) << "account " << who;
      for (std::int64_t peer = 1; peer <= accounts; ++peer) {
        ASSERT_EQ(dialog_of(world_, who, peer), model_.of(who).dialogs[peer]) << who << " with " << peer;
        const Dialog dialog = world_.dialog(who, peer).value_or(Dialog());
        ASSERT_EQ(dialog.top_message(), model_.top(who, peer)) << who << " with " << peer;
        ASSERT_EQ(dialog.unread(), model_.unread(who, peer)) << who << " with " << peer;
        ASSERT_EQ(dialog.read_inbox_max_id(), model_.of(who).read_inbox[peer]) << who << " with " << peer;
        ASSERT_EQ(dialog.read_outbox_max_id(), model_.of(who).read_outbox[peer]) << who << " with " << peer;
      }
    }
  }

private:
  /// One of the newest, as a rule; or one that never was.
  message_id any_id(std::int64_t who) {
    const message_id last = model_.of(who).last;
    return std::max(1, last + 1 - static_cast<message_id>(lots_.below(lots_.one_in(8) ? last + 1 : 12)));
  }
  void erase_some(std::int64_t who) {
    std::vector<message_id> ids;
    for (std::int64_t i = lots_.below(5); i >= 0; --i) {
      ids.push_back(any_id(who));
    }
    const bool revoke = lots_.one_in(2);
    testing::erase(world_, who, ids, revoke);
    model_.erase(who, {ids.begin(), ids.end()}, revoke);
  }
  void erase_all(std::int64_t who, std::int64_t peer) {
    if (!lots_.one_in(4)) {
      return;
    }
    const history_wish wish{
      .max_id = lots_.one_in(2) ? 0 : any_id(who), .just_clear = lots_.one_in(2), .revoke = lots_.one_in(3)};
    erase_history(world_, who, peer, wish);
    model_.erase_history(who, peer, wish.max_id, wish.just_clear, wish.revoke);
  }

  box_world& world_;
  box_model& model_;
  lots lots_;
  std::int64_t random_id_ = 0;
};

/// Every box is, after each of many random changes, what the plain model says.
TEST(box_model_test, BoxesAreWhatTheModelSays) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    box_world world;
    box_model model;
    for (std::int64_t who = 1; who <= accounts; ++who) {
      world.add(who);
    }
    random_changes changes(world, model, seed);
    for (int step = 0; step < 400; ++step) {
      if (step % 100 == 99) {
        world.restart();
        world.now += limits::repeated_call_seconds; // the model knows no sessions: each change is one of its own
      }
      changes.one();
      changes.compare();
      if (::testing::Test::HasFatalFailure()) {
        FAIL() << "seed " << seed << ", step " << step;
      }
    }
  }
}

// --- everything at once ---

/// Calls of all accounts under way together, deliveries and reads whenever the world's lot wants it.
class busy_world {
public:
  explicit busy_world(std::uint64_t seed) : world(seed), lots_(seed) {
    for (std::int64_t who = 1; who <= accounts; ++who) {
      world.add(who);
      world.listen(who, watcher);
      world.listen(who, caller);
    }
  }

  void one() {
    const std::int64_t who = 1 + lots_.below(accounts);
    const std::int64_t peer = 1 + lots_.below(accounts);
    const message_id last = world.at(who).core->box.last_message_id();
    const auto id = static_cast<message_id>(std::max<std::int64_t>(1, last - lots_.below(10)));
    switch (lots_.below(8)) {
    case 0: {
      tl::fn::messages_deleteMessages call;
      call.id = {id, id - 1};
      call.revoke = lots_.one_in(2);
      return begin(who, call);
    }
    case 1: {
      tl::fn::messages_readHistory call;
      call.peer = world.peer(who, peer);
      return begin(who, call);
    }
    case 2: {
      tl::fn::messages_editMessage call;
      call.peer = world.peer(who, peer);
      call.id = id;
      call.message = "edit " + std::to_string(lots_.below(1000));
      return begin(who, call);
    }
    case 3: {
      tl::fn::messages_updatePinnedMessage call;
      call.peer = world.peer(who, peer);
      call.id = id;
      call.unpin = lots_.one_in(2);
      return begin(who, call);
    }
    case 4:
      if (lots_.one_in(5)) {
        tl::fn::messages_deleteHistory call;
        call.peer = world.peer(who, peer);
        call.just_clear = lots_.one_in(2);
        call.revoke = lots_.one_in(2);
        begin(who, call);
      }
      return;
    default: {
      send_message call;
      fill(call, world, who, peer, "text", ++random_id_);
      return begin(who, call);
    }
    }
  }

  void restart_one() {
    const std::int64_t who = 1 + lots_.below(accounts);
    world.restart(who);
    world.listen(who, watcher);
    world.listen(who, caller);
    std::erase_if(tickets_, [&](const auto& each) { return each.second == who; });
  }

  void some_steps() {
    for (std::int64_t i = lots_.below(6); i > 0; --i) {
      world.step();
    }
  }

  void check_answers() {
    for (const auto& [ticket, who] : tickets_) {
      ASSERT_NE(world.answer(ticket), nullptr) << "a call of " << who;
    }
  }

  /// The live stream of each account, without a gap.
  void check_pushes() {
    std::map<std::int64_t, std::int32_t> pts;
    for (const auto& each : world.pushes) {
      if (each.what.pts != 0 && each.what.to == box_world::session_of(each.account.value(), watcher)) {
        std::int32_t& last = pts.try_emplace(each.account.value(), 1).first->second;
        ASSERT_EQ(each.what.pts - each.what.pts_count, last) << "account " << each.account.value();
        last = each.what.pts;
      }
    }
    for (std::int64_t who = 1; who <= accounts; ++who) {
      ASSERT_EQ(pts[who], world.at(who).core->box.pts()) << "account " << who;
    }
  }

  /// Who calls hears of its own changes by answers, and of all others by pushes: the two together leave nothing out and
  /// say nothing twice.
  void check_callers() {
    std::map<std::int64_t, std::map<std::int32_t, std::int32_t>> told; // by account: what begins where
    const auto tell = [&](std::int64_t who, std::int32_t pts, std::int32_t pts_count) {
      if (pts_count != 0) {
        ASSERT_TRUE(told[who].emplace(pts - pts_count, pts).second) << "account " << who << " hears twice of " << pts;
      }
    };
    for (const auto& each : world.pushes) {
      if (each.what.to == box_world::session_of(each.account.value(), caller)) {
        ASSERT_NO_FATAL_FAILURE(tell(each.account.value(), each.what.pts, each.what.pts_count));
      }
    }
    for (const auto& [ticket, who] : tickets_) {
      const entity::entity_answer* const answer = world.answer(ticket);
      ASSERT_NO_FATAL_FAILURE(tell(who, answer->pts, answer->pts_count));
    }
    for (std::int64_t who = 1; who <= accounts; ++who) {
      std::int32_t reached = 1;
      for (const auto& [from, to] : told[who]) {
        ASSERT_EQ(from, reached) << "account " << who;
        reached = to;
      }
      ASSERT_EQ(reached, world.at(who).core->box.pts()) << "account " << who;
    }
  }

  /// What both have is the same, and what one has read the other knows as read. Pins may differ where both changed
  /// them at once.
  void check_pairs() {
    for (std::int64_t who = 1; who <= accounts; ++who) {
      for (std::int64_t peer = 1; peer <= accounts; ++peer) {
        if (who != peer) {
          check_pair(who, peer);
        }
      }
    }
  }

  box_world world;

private:
  static constexpr std::uint64_t watcher = 9;
  static constexpr std::uint64_t caller = 1; ///< as whom box_world calls

  template <class Function>
  void begin(std::int64_t who, const Function& call) {
    tickets_.emplace_back(world.start(who, call), who);
  }

  void check_pair(std::int64_t who, std::int64_t peer) {
    const auto mine = dialog_of(world, who, peer);
    const message_id read_outbox = world.dialog(who, peer).value_or(Dialog()).read_outbox_max_id();
    const message_id read_inbox = world.dialog(peer, who).value_or(Dialog()).read_inbox_max_id();
    for (const auto& [id, theirs] : dialog_of(world, peer, who)) {
      const auto found = theirs.out ? mine.end() : mine.find(theirs.origin);
      if (found == mine.end() || found->second.cleared) {
        continue;
      }
      ASSERT_TRUE(found->second.out);
      ASSERT_EQ(found->second.text, theirs.text) << who << " to " << peer << ", message " << theirs.origin;
      ASSERT_EQ(theirs.origin <= read_outbox, id <= read_inbox) << who << " to " << peer << ", message " << id;
    }
  }

  lots lots_;
  std::vector<std::pair<std::uint64_t, std::int64_t>> tickets_;
  std::int64_t random_id_ = 0;
};

TEST(box_model_test, BoxesAgreeWhateverTheOrder) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    busy_world busy(seed);
    for (int step = 0; step < 300; ++step) {
      busy.one();
      busy.some_steps();
      if (seed % 3 == 0 && step % 40 == 39) {
        busy.restart_one();
      }
    }
    busy.world.run();
    for (std::int64_t who = 1; who <= accounts; ++who) {
      EXPECT_EQ(busy.world.faults(who), "") << "account " << who;
    }
    EXPECT_EQ(busy.world.deliveries_waiting(), 0U);
    busy.check_answers();
    busy.check_pushes();
    if (seed % 3 != 0) {
      busy.check_callers();
    }
    busy.check_pairs();
    if (::testing::Test::HasFailure()) {
      FAIL() << "seed " << seed;
    }
  }
}

} // namespace
} // namespace godwit::box::testing
