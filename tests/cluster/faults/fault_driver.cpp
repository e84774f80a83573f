#include "tests/cluster/faults/fault_driver.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace godwit::cluster_faults {
namespace {

using std::chrono::milliseconds;
using namespace std::chrono_literals;

constexpr std::chrono::minutes skew{10};
/// Of a disk that is called full: something still fits, so that writes end in the middle.
constexpr std::uint64_t last_bytes = 20'000;
/// Until a node that was ill counts again: links come back, shards elect, it hears what it missed.
constexpr milliseconds recovery{4000};
/// Of a process that could not start on its full disk.
constexpr milliseconds start_again{1000};
constexpr milliseconds rush{60};
/// At who leads what; the devices wait meanwhile.
constexpr milliseconds look_every{500};
/// A clock that was wrong for so long has to have made its node unready.
constexpr milliseconds clock_noticed{8000};

const link_weather slow{.delay = 40ms, .jitter = 60ms, .lost = 0.03, .reset = 0.0005};

double seconds(fault_driver::clock::duration time) { return std::chrono::duration<double>(time).count(); }

} // namespace

fault_driver::fault_driver(faulty_cluster& cluster, chat_load::chat_run& run, bool all_vote,
                           std::function<void(const std::string&)> tell)
    : cluster_(cluster),
      run_(run),
      all_vote_(all_vote),
      tell_(std::move(tell)),
      ready_(cluster.layout()),
      states_(cluster.nodes()),
      network_(cluster.nodes()) {}

bool fault_driver::wait_spread(std::chrono::seconds patience) {
  if (cluster_.nodes() == 2) {
    return true; // one of them votes
  }
  const auto until = clock::now() + patience;
  auto look_at = clock::now();
  bool spread = false;
  run_.loop().run_until([&] {
    check();
    if (clock::now() >= look_at) {
      look_at = clock::now() + look_every;
      std::vector<unsigned> led;
      for (unsigned node = 1; node <= cluster_.nodes(); ++node) {
        led.push_back(cluster_.leads(node));
      }
      // What is left over by a division may be anywhere.
      const auto [least, most] = std::minmax_element(led.begin(), led.end());
      spread = *least > 0 && *most - *least <= 1;
    }
    return spread || clock::now() > until;
  });
  return spread;
}

void fault_driver::begin(std::vector<fault> plan) {
  for (const fault& each : plan) {
    run_.loop().at(clock::now() + each.at, [this, each] { start_fault(each); });
  }
}

// --- faults ---------------------------------------------------------------------------------------

void fault_driver::start_fault(const fault& what) {
  // In the middle of a rush.
  run_.hurry(3);
  const std::size_t number = ++begun_;
  run_.loop().at(clock::now() + milliseconds(what.seed % static_cast<std::uint64_t>(rush.count())), [=, this] {
    tell_("#" + std::to_string(number) + " " + what.text());
    ++done_[what.kind];
    active_fault made{what, ready_.refusals(what.node), active_.empty()};
    for (auto& [other, each] : active_) {
      each.alone = false;
    }
    if (what.kind == fault_kind::crash) {
      crash(what.node, what.seed);
    } else if (what.kind == fault_kind::restart_all) {
      for (unsigned node = 1; node <= cluster_.nodes(); ++node) {
        crash(node, what.seed + node);
      }
    }
    active_.emplace(number, made);
    bring_about();
    run_.loop().at(clock::now() + what.lasts, [this, number] { end_fault(number); });
  });
}

void fault_driver::end_fault(std::size_t number) {
  const auto found = active_.find(number);
  if (found == active_.end()) {
    return; // healed before
  }
  const active_fault ended = found->second;
  active_.erase(found);
  judge_clock(ended);
  bring_about();
}

void fault_driver::crash(unsigned node, std::uint64_t seed) {
  cluster_.kill(node, seed);
  of(node).frozen = false; // the next process is not
  of(node).coming_up = true;
}

void fault_driver::judge_clock(const active_fault& ended) {
  if (ended.what.kind == fault_kind::clock && ended.alone && ended.what.lasts >= clock_noticed &&
      ready_.refusals(ended.what.node) == ended.refusals_before) {
    run_.figures().note_breach("node " + std::to_string(ended.what.node) +
                               " said that it is ready while its clock was ten minutes off");
  }
}

bool fault_driver::is_active(fault_kind kind, unsigned node) const {
  return std::any_of(active_.begin(), active_.end(),
                     [&](const auto& each) { return each.second.what.kind == kind && each.second.what.node == node; });
}

// --- what is to be --------------------------------------------------------------------------------

void fault_driver::bring_about() {
  bring_about_links();
  for (unsigned node = 1; node <= cluster_.nodes(); ++node) {
    bring_about(node);
  }
  follow_majority();
}

void fault_driver::bring_about(unsigned node) {
  node_state& state = of(node);
  const auto now = clock::now();
  const auto change = [&](bool& is, bool wanted, const std::function<void(bool)>& act) {
    if (is != wanted) {
      is = wanted;
      act(wanted);
      state.well_at = now + recovery;
    }
  };
  faults::fault_control& control = cluster_.control(node);
  state.down = is_active(fault_kind::crash, node);
  if (!state.down && !cluster_.runs(node) && now >= state.start_at) {
    cluster_.start(node);
    state.coming_up = true;
  }
  change(state.frozen, is_active(fault_kind::freeze, node) && cluster_.runs(node),
         [&](bool on) { cluster_.freeze(node, on); });
  change(state.full, is_active(fault_kind::disk_full, node),
         [&](bool on) { on ? control.limit_space(last_bytes) : control.end_space_limit(); });
  change(state.hung, is_active(fault_kind::hung_sync, node), [&](bool on) { control.hold_syncs(on); });
  change(state.skewed, is_active(fault_kind::clock, node), [&](bool on) {
    const bool back = std::any_of(active_.begin(), active_.end(), [&](const auto& each) {
      return each.second.what.kind == fault_kind::clock && each.second.what.node == node && each.second.what.reverse;
    });
    control.skew_clock(on ? (back ? -skew : skew) : 0min);
  });
  if (state.full) {
    state.full_until = now + recovery;
  }
}

void fault_driver::bring_about_links() {
  const unsigned nodes = cluster_.nodes();
  network_faults wanted(nodes);
  for (const auto& [number, each] : active_) {
    const fault& what = each.what;
    if (what.kind == fault_kind::cut_node) {
      wanted.unplugged[what.node] = true;
    }
    for (unsigned other = 1; other <= nodes; ++other) {
      if (other == what.node) {
        continue;
      }
      const bool pair = other == what.other;
      link_weather& out = wanted.weather[what.node][other];
      link_weather& in = wanted.weather[other][what.node];
      switch (what.kind) {
      case fault_kind::cut_pair:
        if (pair) {
          wanted.cut[what.node][other] = wanted.cut[other][what.node] = true;
        }
        break;
      case fault_kind::one_way: out.silent = out.silent || pair; break;
      case fault_kind::silent_pair:
        out.silent = out.silent || pair;
        in.silent = in.silent || pair;
        break;
      case fault_kind::mute_node: (what.reverse ? in : out).silent = true; break;
      case fault_kind::slow_links:
        for (link_weather* way : {&out, &in}) {
          const bool silent = way->silent;
          *way = slow;
          way->silent = silent;
        }
        break;
      default: break;
      }
    }
  }
  cluster_.network().set(wanted);
  network_ = std::move(wanted);
}

void fault_driver::check() {
  const auto now = clock::now();
  for (const auto& each : cluster_.ended()) {
    node_state& state = of(each.node);
    if (now < state.full_until) {
      tell_("node " + std::to_string(each.node) + " ended on its full disk: " + each.how);
    } else {
      run_.figures().note_breach("node " + std::to_string(each.node) + " ended by itself: " + each.how +
                                 "; its log ends:\n" + cluster_.log_end(each.node));
    }
    state.frozen = false;
    state.coming_up = true;
    state.start_at = now + start_again;
  }
  for (unsigned node = 1; node <= cluster_.nodes(); ++node) {
    node_state& state = of(node);
    if (!state.down && !cluster_.runs(node)) {
      bring_about(node);
    }
    if (state.coming_up && ready_.is_ready(node) && cluster_.runs(node)) {
      state.coming_up = false;
      state.well_at = now + recovery;
    }
  }
  follow_majority();
}

bool fault_driver::heal(std::chrono::seconds patience) {
  active_.clear();
  bring_about();
  const auto until = clock::now() + patience;
  const auto all_ready = [this] {
    for (unsigned node = 1; node <= cluster_.nodes(); ++node) {
      if (of(node).coming_up || !ready_.is_ready(node)) {
        return false;
      }
    }
    return true;
  };
  run_.loop().run_until([&] {
    check();
    return all_ready() || clock::now() > until;
  });
  return all_ready();
}

// --- majorities -----------------------------------------------------------------------------------

bool fault_driver::is_well(unsigned node) const {
  const node_state& state = states_[node - 1];
  return cluster_.runs(node) && !state.coming_up && !state.frozen && !state.full && !state.hung && !state.skewed &&
         clock::now() >= state.well_at;
}

/// Whether more than half of the nodes are well and all of these hear each other.
bool fault_driver::has_majority() const {
  const unsigned nodes = all_vote_ ? cluster_.nodes() : 0;
  for (unsigned some = 1; some < (1U << nodes); ++some) {
    std::vector<unsigned> members;
    for (unsigned node = 1; node <= nodes; ++node) {
      if ((some >> (node - 1) & 1) != 0) {
        members.push_back(node);
      }
    }
    const bool good = 2 * members.size() > nodes && std::all_of(members.begin(), members.end(), [&](unsigned from) {
                        return is_well(from) && std::none_of(members.begin(), members.end(), [&](unsigned to) {
                                 return from != to && !network_.comes_through(from, to);
                               });
                      });
    if (good) {
      return true;
    }
  }
  return false;
}

void fault_driver::follow_majority() {
  const bool now = has_majority();
  if (now == majority_) {
    if (!now) {
      without_majority_.back().to = clock::now();
    }
    return;
  }
  majority_ = now;
  if (now) {
    without_majority_.back().to = clock::now() + recovery;
  } else if (without_majority_.empty() || without_majority_.back().to < clock::now()) {
    without_majority_.push_back({clock::now(), clock::now()});
  }
}

fault_driver::longest_pause fault_driver::pauses() const {
  longest_pause made;
  for (const auto& each : run_.figures().pauses) {
    const double length = seconds(each.to - each.from);
    made.seconds = std::max(made.seconds, length);
    const bool touched = std::any_of(without_majority_.begin(), without_majority_.end(), [&](const interval& without) {
      return without.from < each.to && each.from < without.to;
    });
    if (!touched && length > made.with_majority_seconds) {
      made.with_majority_seconds = length;
      made.with_majority_from = each.from;
    }
  }
  return made;
}

double fault_driver::without_majority_seconds() const {
  double sum = 0;
  for (const interval& each : without_majority_) {
    sum += seconds(each.to - each.from);
  }
  return sum;
}

} // namespace godwit::cluster_faults
