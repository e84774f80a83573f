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

} // namespace
} // namespace godwit::box::testing
