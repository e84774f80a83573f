#include "actors/gateway/session_directory.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <gtest/gtest.h>

namespace godwit::actors {
namespace {

session_key name(std::uint64_t key, std::uint64_t session) { return {auth_key_id(key), session_id(session)}; }

class idle_actor : public caf::event_based_actor {
public:
  using caf::event_based_actor::event_based_actor;
  caf::behavior make_behavior() override { return {[](int) {}}; }
};

class directory : public ::testing::Test {
protected:
  // A class, since the library's way with functions dereferences a null pointer.
  caf::actor make() { return system.spawn<idle_actor>(); }
  ~directory() override {
    for (const caf::actor& each : made) {
      caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
    }
  }
  session_directory::answer find(session_directory& where, const session_key& key) {
    return where.find_or_make(key, [this] { return made.emplace_back(make()); });
  }

  caf::actor_system_config config;
  caf::actor_system system{config};
  std::vector<caf::actor> made;
};

TEST_F(directory, ASessionIsMadeOnceAndThenFound) {
  session_directory sessions({.sessions_max = 10, .per_key_max = 10});
  const auto first = find(sessions, name(1, 1));
  const auto again = find(sessions, name(1, 1));
  EXPECT_TRUE(first.made);
  EXPECT_FALSE(again.made);
  EXPECT_EQ(first.session, again.session);
  EXPECT_NE(find(sessions, name(2, 1)).session, first.session) << "the same number under another key";
  EXPECT_EQ(sessions.size(), 2U);
}

TEST_F(directory, OnlyTheActorThatIsThereCanBeForgotten) {
  session_directory sessions({.sessions_max = 10, .per_key_max = 10});
  const auto first = find(sessions, name(1, 1));
  sessions.remove(name(1, 1), first.session);
  const auto second = find(sessions, name(1, 1));
  EXPECT_TRUE(second.made);
  sessions.remove(name(1, 1), first.session); // the end of the first is told late
  EXPECT_EQ(sessions.find(name(1, 1)), second.session);
  EXPECT_FALSE(sessions.put(name(1, 1), first.session)) << "its place is taken";
  EXPECT_TRUE(sessions.put(name(1, 1), second.session));
  EXPECT_EQ(sessions.size(), 1U);
}

TEST_F(directory, AtTheBoundOfAKeyALingeringSessionMakesRoom) {
  session_directory sessions({.sessions_max = 10, .per_key_max = 2});
  const auto first = find(sessions, name(1, 1));
  const auto second = find(sessions, name(1, 2));
  EXPECT_FALSE(find(sessions, name(1, 3)).session) << "both are in use";
  sessions.set_lingering(name(1, 2), true);
  const auto third = find(sessions, name(1, 3));
  EXPECT_TRUE(third.made);
  EXPECT_EQ(third.evicted, second.session);
  EXPECT_EQ(sessions.size(), 2U);
}

TEST_F(directory, TheBoundOfTheNodeHoldsOverAllKeys) {
  session_directory sessions({.sessions_max = 2, .per_key_max = 2});
  find(sessions, name(1, 1));
  find(sessions, name(2, 1));
  EXPECT_FALSE(find(sessions, name(3, 1)).session);
  EXPECT_EQ(sessions.size(), 2U);
}

} // namespace
} // namespace godwit::actors
