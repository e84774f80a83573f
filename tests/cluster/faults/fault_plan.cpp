#include "tests/cluster/faults/fault_plan.hpp"

#include <algorithm>
#include <cstdio>

#include "tests/simulation/dice.hpp"

namespace godwit::cluster_faults {
namespace {

using std::chrono::milliseconds;

/// Time that a node has to notice that its clock is wrong.
constexpr milliseconds clock_lasts{9000};
constexpr milliseconds lasts_min{300};

bool is_of_links(fault_kind kind) {
  return kind == fault_kind::cut_node || kind == fault_kind::cut_pair || kind == fault_kind::one_way ||
         kind == fault_kind::mute_node || kind == fault_kind::silent_pair || kind == fault_kind::slow_links;
}

/// One of each, and some twice.
std::vector<fault_kind> deck_for(const plan_options& with) {
  const unsigned nodes = with.nodes;
  if (!with.only.empty()) {
    return with.only;
  }
  std::vector<fault_kind> deck{fault_kind::crash, fault_kind::crash, fault_kind::freeze};
  for (std::size_t i = 0; i < fault_kinds; ++i) {
    const auto kind = static_cast<fault_kind>(i);
    // A clock is wrong by what the others say.
    if (nodes > 1 || !(is_of_links(kind) || kind == fault_kind::clock)) {
      deck.push_back(kind);
    }
  }
  return deck;
}

void shuffle(std::vector<fault_kind>& deck, simulation::dice& dice) {
  for (std::size_t left = deck.size(); left > 1; --left) {
    std::swap(deck[left - 1], deck[dice.below(left)]);
  }
}

} // namespace

const char* name_of(fault_kind kind) {
  switch (kind) {
  case fault_kind::crash: return "crash";
  case fault_kind::freeze: return "freeze";
  case fault_kind::cut_node: return "cut_node";
  case fault_kind::cut_pair: return "cut_pair";
  case fault_kind::one_way: return "one_way";
  case fault_kind::mute_node: return "mute_node";
  case fault_kind::silent_pair: return "silent_pair";
  case fault_kind::slow_links: return "slow_links";
  case fault_kind::disk_full: return "disk_full";
  case fault_kind::hung_sync: return "hung_sync";
  case fault_kind::clock: return "clock";
  case fault_kind::restart_all: return "restart_all";
  }
  return "?";
}

std::optional<fault_kind> kind_named(std::string_view name) {
  for (std::size_t i = 0; i < fault_kinds; ++i) {
    if (name == name_of(static_cast<fault_kind>(i))) {
      return static_cast<fault_kind>(i);
    }
  }
  return std::nullopt;
}

std::string fault::text() const {
  std::string made = name_of(kind);
  if (kind != fault_kind::restart_all) {
    made += " of node " + std::to_string(node);
  }
  switch (kind) {
  case fault_kind::cut_pair:
  case fault_kind::silent_pair: made += " and " + std::to_string(other); break;
  case fault_kind::one_way: made += " to " + std::to_string(other); break;
  case fault_kind::mute_node: made += reverse ? ", which hears nobody" : ", which nobody hears"; break;
  case fault_kind::clock: made += reverse ? ", 10 minutes behind" : ", 10 minutes ahead"; break;
  default: break;
  }
  char time[32];
  std::snprintf(time, sizeof(time), " for %.1f s", std::chrono::duration<double>(lasts).count());
  return made + time;
}

std::vector<fault> make_plan(const plan_options& with) {
  simulation::dice dice(with.seed);
  std::vector<fault> plan;
  std::vector<fault_kind> deck;
  const milliseconds part = with.whole / std::max(with.faults, 1U);
  milliseconds ends[2] = {milliseconds(0), milliseconds(0)}; // of the two that run now
  for (std::uint32_t i = 0; i < with.faults; ++i) {
    if (deck.empty()) {
      deck = deck_for(with);
      shuffle(deck, dice);
    }
    fault made;
    made.kind = deck.back();
    deck.pop_back();
    made.node = 1 + static_cast<unsigned>(dice.below(with.nodes));
    made.other = with.nodes > 1 ? 1 + (made.node + static_cast<unsigned>(dice.below(with.nodes - 1))) % with.nodes : 0;
    made.reverse = dice.chance(0.5);
    made.seed = dice.next();
    milliseconds& slot = *std::min_element(std::begin(ends), std::end(ends));
    made.at = std::max(part * i + milliseconds(dice.below(static_cast<std::uint64_t>(part.count() / 2 + 1))), slot);
    made.lasts = lasts_min + milliseconds(dice.below(static_cast<std::uint64_t>(part.count() * 3 / 2 + 1)));
    if (made.kind == fault_kind::clock) {
      made.lasts = std::max(made.lasts, clock_lasts);
    }
    made.at = std::min(made.at, with.whole - lasts_min);
    made.lasts = std::min(made.lasts, with.whole - made.at);
    slot = std::max(slot, made.end());
    plan.push_back(made);
  }
  std::stable_sort(plan.begin(), plan.end(), [](const fault& a, const fault& b) { return a.at < b.at; });
  return plan;
}

} // namespace godwit::cluster_faults
