#include <gtest/gtest.h>

#include "persistence/base/mutant.hpp"
#include "tests/actors/box/message_calls.hpp"

namespace godwit::box::testing {
namespace {

using persistence::mutant;

/// Whether a client that sends again after thirty days, under the same random_id, finds its message where it was.
bool is_sent_once() {
  box_world world;
  world.add(1);
  world.add(2);
  const sent first = send(world, 1, 2, "once", 77);
  world.now += 30 * 86'400;
  const sent again = send(world, 1, 2, "once", 77);
  return first.id != 0 && again == first && world.table(2, records_table::message).size() == 1;
}

/// The planted fault: a window that is too short is noticed.
TEST(SentWindow, ThatIsTooShortIsNoticed) {
  EXPECT_TRUE(is_sent_once());
  persistence::mutants_on.set(static_cast<std::size_t>(mutant::short_sent_window));
  EXPECT_FALSE(is_sent_once());
  persistence::mutants_on.reset();
}

/// Whether a session that was away while something happened hears of it when it subscribes again.
bool is_told_what_it_missed() {
  box_world world;
  world.add(1);
  world.add(2);
  world.listen(1, 5);
  const std::int32_t before = world.at(1).core->box.pts();
  world.at(1).core->ears.remove(box_world::session_of(1, 5));
  send(world, 2, 1, "missed", 78);
  world.run();
  world.pushes.clear();
  world.subscribe(1, 5, before);
  world.run();
  std::int32_t told = before;
  for (const box_world::push& each : world.pushes) {
    told = each.what.pts - each.what.pts_count == told ? each.what.pts : told;
  }
  return told == world.at(1).core->box.pts() && told > before;
}

/// The planted fault: a subscription without replay is noticed.
TEST(Subscription, WithoutReplayIsNoticed) {
  EXPECT_TRUE(is_told_what_it_missed());
  persistence::mutants_on.set(static_cast<std::size_t>(mutant::subscription_without_replay));
  EXPECT_FALSE(is_told_what_it_missed());
  persistence::mutants_on.reset();
}

} // namespace
} // namespace godwit::box::testing
