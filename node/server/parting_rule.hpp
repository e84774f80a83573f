#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <vector>

#include "persistence/log/log_entry.hpp"

namespace godwit::node {

/// Whether most of these groups have a majority of their voters among the nodes that were heard of, as far as they have
/// any. The cluster's map is not asked: who is wanted as a voter need not be one yet, nor is whoever replaces a lost one
/// from the beginning.
bool hears_most(const std::vector<persistence::configuration>& groups, const std::set<persistence::node_id>& heard);

/// When a node that hears no majority of the voters closes its clients' connections. It can serve none of them, and
/// does not know whether the others are dead or it is itself cut off; clients find out by looking elsewhere. Whoever
/// comes back is let in, hears which of his calls failed, and is closed again some time later. Pure; one thread.
class parting_rule {
public:
  using clock = std::chrono::steady_clock;

  /// To be called some times a second; true: close them now.
  bool look(clock::time_point now, bool hears_majority);

private:
  std::optional<clock::time_point> part_at_; ///< none: there is a majority
};

} // namespace godwit::node
