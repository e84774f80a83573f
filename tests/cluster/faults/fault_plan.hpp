#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace godwit::cluster_faults {

enum class fault_kind : std::uint8_t {
  crash,       ///< kill -9 and a power failure, and a start some time later
  freeze,      ///< SIGSTOP, SIGCONT
  cut_node,    ///< a node's connections to all others end, and new ones are refused
  cut_pair,    ///< those between two nodes
  one_way,     ///< nothing comes through from one node to another
  mute_node,   ///< nothing comes through from a node to any other, or from any other to it
  silent_pair, ///< nothing comes through between two nodes, and nothing tells them
  slow_links,  ///< latency, jitter and loss on all of a node's links
  disk_full,
  hung_sync,   ///< syncs of a disk do not return
  clock,       ///< a node's clock is ten minutes off
  restart_all, ///< all nodes crash at once, and start again
};

inline constexpr std::size_t fault_kinds = 12;
const char* name_of(fault_kind kind);
/// Nothing: no kind has this name.
std::optional<fault_kind> kind_named(std::string_view name);

struct fault {
  std::chrono::milliseconds at{0};
  std::chrono::milliseconds lasts{0};
  fault_kind kind{};
  unsigned node = 0;
  unsigned other = 0;     ///< of a pair
  bool reverse = false;   ///< the other direction; a clock that is slow
  std::uint64_t seed = 0; ///< of what a crash loses

  [[nodiscard]] std::chrono::milliseconds end() const { return at + lasts; }
  /// "freeze of node 2 for 3.1 s"
  [[nodiscard]] std::string text() const;
};

struct plan_options {
  std::uint64_t seed = 1;
  unsigned nodes = 3;
  std::uint32_t faults = 0;
  std::chrono::milliseconds whole{0}; ///< time for them
  std::vector<fault_kind> only{};     ///< kinds; empty: all
};

/// Faults in the order of their beginning, at most two at a time, all over at the end of the time; drawn from the seed
/// alone. Each kind that the number of nodes allows comes as often as any other, crashes more often. Nobody looks to it
/// that a majority survives.
std::vector<fault> make_plan(const plan_options& with);

} // namespace godwit::cluster_faults
