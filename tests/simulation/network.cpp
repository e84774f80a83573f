#include "tests/simulation/network.hpp"

#include <utility>

namespace godwit::simulation {

namespace raft = persistence::raft;

time_us network::delay() {
  dice& random = world_.random;
  if (!random.chance(world_.trouble.long_delays)) {
    return random.between(100, 2500);
  }
  return random.between(1 * ms, random.chance(0.2) ? 8 * election_timeout_ms * ms : 3 * election_timeout_ms * ms / 2);
}

void network::send(raft::message what) {
  ++world_.counted.messages;
  const auto from = static_cast<unsigned>(what.from.value() - 1);
  const auto to = static_cast<unsigned>(what.to.value() - 1);
  if (from >= nodes_ || to >= nodes_) {
    world_.violated("a message from or to a node that does not exist");
    return;
  }
  if (std::holds_alternative<raft::install_snapshot>(what.body)) {
    ++world_.counted.offers;
  }
  if (cut_[from][to] || world_.random.chance(world_.trouble.loss)) {
    return;
  }
  const int copies = world_.random.chance(world_.trouble.doubles) ? 2 : 1;
  for (int copy = 1; copy <= copies; ++copy) {
    if (free_.empty()) {
      free_.push_back(under_way_.size());
      under_way_.emplace_back();
    }
    const std::uint64_t slot = free_.back();
    free_.pop_back();
    under_way_[slot] = copy == copies ? std::move(what) : what;
    world_.events.plan(world_.now + delay(), event_kind::message, static_cast<std::uint8_t>(to), 0, slot);
  }
}

raft::message network::take(std::uint64_t slot) {
  free_.push_back(slot);
  return std::exchange(under_way_[slot], {});
}

void network::cut_one_way(unsigned from, unsigned to) { cut_[from][to] = from != to; }

void network::isolate(unsigned node) {
  isolate_one_way(node, true);
  isolate_one_way(node, false);
}

void network::isolate_one_way(unsigned node, bool outwards) {
  for (unsigned other = 0; other < nodes_; ++other) {
    cut_one_way(outwards ? node : other, outwards ? other : node);
  }
}

void network::split(std::uint64_t side) {
  heal();
  for (unsigned a = 0; a < nodes_; ++a) {
    for (unsigned b = 0; b < nodes_; ++b) {
      cut_[a][b] = ((side >> a) & 1) != ((side >> b) & 1);
    }
  }
}

namespace {

struct body_printer {
  std::string operator()(const raft::append_entries& a) const {
    std::string out = "append after " + std::to_string(a.prev_index) + "^" + std::to_string(a.prev_term) + ":";
    for (const persistence::log_entry& entry : a.entries) {
      out += (entry.kind == persistence::entry_kind::change    ? " change^"
              : entry.kind == persistence::entry_kind::barrier ? " barrier^"
                                                               : " ^") +
             std::to_string(entry.term);
    }
    return out + " commit " + std::to_string(a.leader_commit);
  }
  std::string operator()(const raft::append_result& a) const {
    return "append result, " + (a.rejected != 0 ? "rejected " + std::to_string(a.rejected) + ", " : std::string()) +
           "last " + std::to_string(a.last_index);
  }
  std::string operator()(const raft::request_vote& a) const {
    return std::string(a.pre_vote ? "pre-vote?" : "vote?") + " last " + std::to_string(a.last_index) + "^" +
           std::to_string(a.last_term) + (a.disrupt_leader ? " disrupting" : "");
  }
  std::string operator()(const raft::vote_result& a) const {
    return std::string(a.pre_vote ? "pre-vote " : "vote ") + (a.granted ? "granted" : "denied");
  }
  std::string operator()(const raft::install_snapshot& a) const {
    return "install snapshot " + std::to_string(a.point.index) + "^" + std::to_string(a.point.term);
  }
  std::string operator()(const raft::timeout_now& a) const {
    return "timeout now, last " + std::to_string(a.last_index);
  }
};

} // namespace

std::string to_string(const raft::message& what) {
  return "n" + std::to_string(what.from.value()) + " -> n" + std::to_string(what.to.value()) + " term " +
         std::to_string(what.term) + ": " + std::visit(body_printer(), what.body);
}

} // namespace godwit::simulation
