#include "cluster/member/steward_rules.hpp"

#include <gtest/gtest.h>

#include "config/cluster_limits.hpp"

namespace godwit::test {
namespace {

using namespace cluster; // NOLINT: the subject
using persistence::member;
using persistence::member_role;

member voter(std::uint64_t id) { return {node_id{id}, member_role::voter}; }
member standby(std::uint64_t id) { return {node_id{id}, member_role::standby}; }

steward_step change(std::vector<member> to) { return {step_kind::change, {std::move(to)}, {}}; }
steward_step catch_up(std::uint64_t who) { return {step_kind::catch_up, {}, node_id{who}}; }
steward_step transfer(std::uint64_t to) { return {step_kind::transfer, {}, node_id{to}}; }
const steward_step nothing{};

/// Node 1 leads, all is calm, every other node is up and has the whole log of 10 000 entries.
class StewardRules : public ::testing::Test {
protected:
  StewardRules() {
    facts.self = node_id{1};
    facts.ready = true;
    facts.last_index = 10'000;
    facts.leading_ms = 60'000;
    facts.quiet_ms = 60'000;
    facts.hand_over = true;
    facts.leaders_spread = 5;
    for (std::uint64_t id = 2; id <= 5; ++id) {
      peer(id) = {true, 60'000, true, catch_up_status::finished, 10'000};
    }
  }
  peer_facts& peer(std::uint64_t id) { return facts.peers[node_id{id}]; }
  void is(std::vector<member> members) { facts.members.members = std::move(members); }
  void wanted(std::vector<member> members, std::uint64_t leader = 1) {
    facts.wanted = {{std::move(members)}, node_id{leader}};
  }
  steward_step next() const { return next_step(facts); }

  steward_facts facts;
};

TEST_F(StewardRules, DoNothingWhereEverythingIsAsWanted) {
  is({voter(1), voter(3), voter(2)});
  wanted({voter(1), voter(2), voter(3)});
  EXPECT_EQ(next(), nothing);
}

TEST_F(StewardRules, OnlyWhoLeadsAndServesTakesSteps) {
  is({voter(1)});
  wanted({voter(1), voter(2), voter(3)});
  EXPECT_NE(next(), nothing);
  facts.ready = false;
  EXPECT_EQ(next(), nothing);
}

TEST_F(StewardRules, NothingIsDoneWhileLeadershipIsHandedOverOrTheNodeIsToLeadNothing) {
  is({voter(1)});
  wanted({voter(1), voter(2), voter(3)});
  facts.transferring = true;
  EXPECT_EQ(next(), nothing);
  facts.transferring = false;
  facts.resigned = true;
  EXPECT_EQ(next(), nothing);
}

TEST_F(StewardRules, ANodeEntersAtTheEndAsAStandbyOnceItIsUp) {
  is({voter(1), standby(3)});
  wanted({voter(1), voter(2), voter(3)});
  EXPECT_EQ(next(), change({voter(1), standby(3), standby(2)}));
  peer(2).up = false;
  EXPECT_EQ(next(), nothing);
}

TEST_F(StewardRules, OneChangeFollowsTheOther) {
  is({voter(1)});
  wanted({voter(1), voter(2), voter(3)});
  facts.change_pending = true;
  EXPECT_EQ(next(), nothing);
  facts.change_pending = false;
  facts.retry = false;
  EXPECT_EQ(next(), nothing);
}

// Goal: a standby gets a vote when it has the log, not before. Method: each stage of catching up.
TEST_F(StewardRules, AStandbyBecomesAVoterWhenItHasCaughtUp) {
  is({voter(1), standby(2), standby(3)});
  wanted({voter(1), voter(2), voter(3)});
  peer(2).catch_up = catch_up_status::none;
  EXPECT_EQ(next(), catch_up(2));
  peer(2).catch_up = catch_up_status::running;
  EXPECT_EQ(next(), nothing);
  peer(2).catch_up = catch_up_status::aborted;
  EXPECT_EQ(next(), catch_up(2));
  peer(2).catch_up = catch_up_status::finished;
  EXPECT_EQ(next(), change({voter(1), voter(2), standby(3)}));
}

TEST_F(StewardRules, OneThatHadCaughtUpLongAgoAndFellBehindGetsNoVote) {
  is({voter(1), voter(2), standby(3)});
  wanted({voter(1), voter(2), voter(3)});
  peer(3).match = facts.last_index - limits::member_lag_entries_max - 1;
  EXPECT_EQ(next(), nothing);
  peer(3).match = 0;
  facts.last_index = 10;
  EXPECT_EQ(next(), nothing) << "nothing is known of its log";
}

// Goal: at no time do two nodes depend on each other because a third is missing. Method: two standbys, one not ready.
TEST_F(StewardRules, TheFirstOfTwoGetsItsVoteOnlyWhenTheSecondCouldFollow) {
  is({voter(1), standby(2), standby(3)});
  wanted({voter(1), voter(2), voter(3)});
  peer(3).up = false;
  EXPECT_EQ(next(), nothing);
  peer(3) = {true, 60'000, true, catch_up_status::none, 5'000};
  EXPECT_EQ(next(), nothing);
  peer(3).match = 10'000;
  EXPECT_EQ(next(), change({voter(1), voter(2), standby(3)}));
  // Once it is even, it is to become odd whatever the others do.
  is({voter(1), voter(2), standby(3)});
  EXPECT_EQ(next(), catch_up(3));
}

TEST_F(StewardRules, AReplacementGetsItsVoteBeforeTheOneItReplacesGoes) {
  is({voter(1), voter(2), voter(3), standby(4)});
  wanted({voter(1), voter(2), voter(4)});
  EXPECT_EQ(next(), change({voter(1), voter(2), voter(3), voter(4)}));
  is({voter(1), voter(2), voter(3), voter(4)});
  EXPECT_EQ(next(), change({voter(1), voter(2), voter(4)}));
}

TEST_F(StewardRules, ADeadVoterThatIsNotWantedGoesFirstEvenWhileItHoldsUpOtherChanges) {
  is({voter(1), voter(2), voter(3)});
  wanted({voter(1), voter(2), voter(4)});
  peer(3).up = false;
  facts.change_pending = true;
  EXPECT_EQ(next(), change({voter(1), voter(2)}));
}

TEST_F(StewardRules, NoChangeIsProposedThatThoseWhoAreUpCouldNotCommit) {
  is({voter(1), voter(2), voter(3)});
  wanted({voter(1), voter(4), voter(5)});
  peer(2).up = false;
  peer(3).up = false;
  EXPECT_EQ(next(), nothing);
}

TEST_F(StewardRules, ALeaderThatIsToGoHandsLeadershipOverFirst) {
  is({voter(1), voter(2), voter(3), voter(4)});
  wanted({voter(2), voter(3), voter(4)}, 3);
  facts.hand_over = false; // that is about balance
  EXPECT_EQ(next(), transfer(3));
  peer(3).up = false;
  EXPECT_EQ(next(), transfer(2));
  // The same for one that stays as a standby.
  is({voter(1), voter(2)});
  wanted({standby(1), voter(2)}, 2);
  EXPECT_EQ(next(), transfer(2));
}

TEST_F(StewardRules, AVoterThatIsToBeAStandbyLosesItsVoteAndOneThatIsNotWantedGoes) {
  is({voter(1), voter(2), standby(3)});
  wanted({voter(1), standby(2)});
  EXPECT_EQ(next(), change({voter(1), voter(2)}));
  is({voter(1), voter(2)});
  EXPECT_EQ(next(), change({voter(1), standby(2)}));
}

TEST_F(StewardRules, ASpareBecomesAStandby) {
  is({voter(1), {node_id{2}, member_role::spare}});
  wanted({voter(1), standby(2)});
  EXPECT_EQ(next(), change({voter(1), standby(2)}));
}

// Goal: leadership goes back gently. Method: every condition broken alone.
TEST_F(StewardRules, LeadershipGoesToWhomItShouldWhenAllIsCalm) {
  is({voter(1), voter(2), voter(3)});
  wanted({voter(1), voter(2), voter(3)}, 2);
  EXPECT_EQ(next(), transfer(2));
  const steward_facts good = facts;
  const auto without = [&](const auto& spoil) {
    facts = good;
    spoil();
    return next();
  };
  EXPECT_EQ(without([&] { facts.leading_ms = limits::balance_calm_ms - 1; }), nothing);
  EXPECT_EQ(without([&] { facts.quiet_ms = limits::balance_calm_ms - 1; }), nothing);
  EXPECT_EQ(without([&] { facts.hand_over = false; }), nothing);
  EXPECT_EQ(without([&] { facts.settled = false; }), nothing);
  EXPECT_EQ(without([&] { facts.retry = false; }), nothing);
  EXPECT_EQ(without([&] { facts.leaders_spread = 1; }), nothing);
  EXPECT_EQ(without([&] { peer(2).up = false; }), nothing);
  EXPECT_EQ(without([&] { peer(2).up_ms = limits::balance_calm_ms - 1; }), nothing);
  EXPECT_EQ(without([&] { peer(2).fit = false; }), nothing);
  EXPECT_EQ(without([&] { peer(2).match = 1; }), nothing);
  EXPECT_EQ(without([&] {
              is({voter(1), standby(2), voter(3)});
              peer(2).catch_up = catch_up_status::running;
            }),
            nothing);
}

TEST_F(StewardRules, ADeadVoterThatHoldsUpChangesDoesNotHoldUpTheBalance) {
  is({voter(1), voter(2), voter(3)});
  wanted({voter(1), voter(2), voter(3)}, 2);
  peer(3).up = false;
  facts.change_pending = true;
  EXPECT_EQ(next(), transfer(2));
}

// Goal: whoever leads or follows knows a replica that is being filled by what it can see, and none where there is none.
// Method: each sign alone; then what only looks like one.
TEST_F(StewardRules, AReplicaThatIsBeingFilledIsKnownByLeaderAndFollowers) {
  const std::vector<member> all{voter(1), voter(2), voter(3)};
  is(all);
  wanted(all);
  const steward_facts whole = facts;
  const auto filling = [&](const auto& spoil) {
    facts = whole;
    spoil();
    return is_filling(facts);
  };
  EXPECT_FALSE(filling([] {}));
  EXPECT_TRUE(filling([&] { facts.installing = true; }));
  EXPECT_TRUE(filling([&] { peer(3).catch_up = catch_up_status::running; }));
  const index_t far = facts.last_index - limits::member_lag_entries_max - 1;
  EXPECT_TRUE(filling([&] { peer(3).match = far; }));
  EXPECT_FALSE(filling([&] { peer(3).match = far + 1; }));
  for (const bool leads : {true, false}) {
    facts = whole;
    EXPECT_TRUE(filling([&] {
      facts.ready = leads;
      is({voter(1), voter(2), standby(3)});
    }));
    EXPECT_TRUE(filling([&] {
      facts.ready = leads;
      is({voter(1), voter(2)});
    }));
    // Its turn comes when all are up.
    EXPECT_FALSE(filling([&] {
      facts.ready = leads;
      is({voter(1), standby(2)});
      peer(3).up = false;
    }));
  }
  // Of one that is down, one that is to go, and before anybody answered a new leader.
  EXPECT_FALSE(filling([&] { peer(3) = {false, 0, true, catch_up_status::running, 0}; }));
  EXPECT_FALSE(filling([&] {
    is({voter(1), voter(2), voter(3), voter(4)});
    peer(4).match = 0;
  }));
  EXPECT_FALSE(filling([&] {
    facts.leading_ms = 0;
    peer(3).match = 0;
  }));
  // A node that is not to hold the shard does not know who its members are.
  EXPECT_FALSE(filling([&] {
    facts.self = node_id{5};
    facts.ready = false;
    is({});
  }));
}

TEST_F(StewardRules, WhomAnOperatorNamesLeadsAtOnceIfItCan) {
  is({voter(1), voter(2), voter(3)});
  wanted({voter(1), voter(2), voter(3)}, 1);
  facts.asked = node_id{3};
  facts.leading_ms = 0;
  facts.hand_over = false;
  facts.settled = false;
  facts.leaders_spread = 0;
  peer(3).up_ms = 0;
  EXPECT_EQ(next(), transfer(3));
  peer(3).match = 1;
  EXPECT_EQ(next(), nothing);
  facts.asked = node_id{1};
  EXPECT_EQ(next(), nothing) << "it leads";
}

} // namespace
} // namespace godwit::test
