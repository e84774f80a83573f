#include "node/server/parting_rule.hpp"

#include <cstddef>

namespace godwit::node {
namespace {

using namespace std::chrono_literals;

/// A link that comes again at once is worth waiting for. Silence was waited for before.
constexpr auto patience = 250ms;
/// Between two partings: time for a client to come back, hear of its calls and find no other node.
constexpr auto again_after = 3s;

} // namespace

bool hears_most(const std::vector<persistence::configuration>& groups, const std::set<persistence::node_id>& heard) {
  std::size_t known = 0;
  std::size_t reached = 0;
  for (const persistence::configuration& group : groups) {
    std::size_t voters = 0;
    std::size_t there = 0;
    for (const persistence::member& each : group.members) {
      const bool votes = each.role == persistence::member_role::voter;
      voters += votes ? 1 : 0;
      there += votes && heard.contains(each.id) ? 1 : 0;
    }
    known += voters != 0 ? 1 : 0;
    reached += there * 2 > voters ? 1 : 0;
  }
  return reached * 2 > known || known == 0;
}

bool parting_rule::look(clock::time_point now, bool hears_majority) {
  if (hears_majority) {
    part_at_.reset();
    return false;
  }
  if (!part_at_) {
    part_at_ = now + patience;
  }
  if (now < *part_at_) {
    return false;
  }
  part_at_ = now + again_after;
  return true;
}

} // namespace godwit::node
