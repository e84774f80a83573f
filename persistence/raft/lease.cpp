#include "persistence/raft/lease.hpp"

#include <algorithm>
#include <functional>
#include <limits>

namespace godwit::persistence::raft {

void append_echo::received(node_id from, term_t term, monotonic_ms sent_at) {
  if (from != from_ || term != term_) {
    from_ = from;
    term_ = term;
    sent_at_ = 0;
  }
  sent_at_ = std::max(sent_at_, sent_at); // messages overtake each other
}

monotonic_ms append_echo::answer(node_id to, term_t term) const { return to == from_ && term == term_ ? sent_at_ : 0; }

void leader_lease::begin() {
  acknowledged_.clear();
  given_up_ = false;
}

void leader_lease::acknowledged(node_id who, monotonic_ms sent_at) {
  const auto known =
    std::find_if(acknowledged_.begin(), acknowledged_.end(), [who](const auto& one) { return one.first == who; });
  if (known == acknowledged_.end()) {
    acknowledged_.emplace_back(who, sent_at);
  } else {
    known->second = std::max(known->second, sent_at);
  }
}

monotonic_ms leader_lease::until(const configuration& members, node_id self, monotonic_ms election_timeout,
                                 monotonic_ms drift) const {
  if (given_up_) {
    return 0;
  }
  constexpr monotonic_ms always = std::numeric_limits<monotonic_ms>::max();
  std::vector<monotonic_ms> sent;
  bool voting = false;
  for (const member& each : members.members) {
    if (each.role != member_role::voter) {
      continue;
    }
    if (each.id == self) {
      voting = true;
      sent.push_back(always);
      continue;
    }
    const auto known = std::find_if(acknowledged_.begin(), acknowledged_.end(),
                                    [&each](const auto& one) { return one.first == each.id; });
    sent.push_back(known == acknowledged_.end() ? 0 : known->second);
  }
  if (!voting) {
    return 0;
  }
  // The newest time that a majority has acknowledged.
  const auto majority = sent.begin() + static_cast<std::ptrdiff_t>(sent.size() / 2);
  std::nth_element(sent.begin(), majority, sent.end(), std::greater<>{});
  if (*majority == 0 || *majority == always) {
    return *majority;
  }
  return *majority + election_timeout - std::min(drift, election_timeout);
}

} // namespace godwit::persistence::raft
