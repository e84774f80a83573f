#include "cluster/member/member_log.hpp"

#include <algorithm>
#include <utility>

namespace godwit::cluster {

using persistence::configuration;
using persistence::member;

persistence::node_id changed_member(const configuration& from, const configuration& to) {
  const auto differs = [](const configuration& in, const member& what) {
    return std::find(in.members.begin(), in.members.end(), what) == in.members.end();
  };
  for (const auto& [a, b] : {std::pair(&to, &from), std::pair(&from, &to)}) {
    for (const member& each : a->members) {
      if (differs(*b, each)) {
        return each.id;
      }
    }
  }
  return persistence::no_node;
}

} // namespace godwit::cluster
