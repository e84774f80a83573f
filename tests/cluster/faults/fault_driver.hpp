#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/chat_load/chat_run.hpp"
#include "tests/cluster/faults/fault_plan.hpp"
#include "tests/cluster/faults/faulty_cluster.hpp"
#include "tests/cluster/faults/ready_watch.hpp"

namespace godwit::cluster_faults {

/// Does to a cluster what a plan says, while devices use it. Everything happens on the loop of the run.
class fault_driver {
public:
  using clock = bench::socket_loop::clock;

  /// `all_vote`: no fault comes before every node votes. Otherwise nobody outside knows when more than half of those
  /// that vote are well, and no time counts as such. `tell`: a line of progress.
  fault_driver(faulty_cluster& cluster, chat_load::chat_run& run, bool all_vote,
               std::function<void(const std::string&)> tell);

  /// Waits until every node leads its part of the shards, which it can only with all of them as voters: a fault before
  /// that befalls a cluster of one node and its guests. False: not in that time.
  bool wait_spread(std::chrono::seconds patience);
  /// Begins with the plan now. A run has one.
  void begin(std::vector<fault> plan);
  /// Notices processes that ended by themselves, and begins those anew that are to run. To be called all the time.
  void check();
  /// Takes everything back and waits until all nodes are ready; false: one of them is not in that time.
  bool heal(std::chrono::seconds patience);

  /// How many faults of each kind there were.
  [[nodiscard]] const std::map<fault_kind, std::uint32_t>& done() const { return done_; }
  /// How long a call waited at most: of all, and of those during which most nodes were well and together.
  struct longest_pause {
    double with_majority_seconds = 0;
    double seconds = 0;
    clock::time_point with_majority_from{};
  };
  [[nodiscard]] longest_pause pauses() const;
  /// Seconds during which there was no such majority.
  [[nodiscard]] double without_majority_seconds() const;

private:
  struct active_fault {
    fault what;
    std::uint64_t refusals_before = 0;
    bool alone = true; ///< nothing else happened meanwhile
  };
  /// What befalls a node now, and what is to.
  struct node_state {
    bool down = false;
    bool frozen = false;
    bool full = false;
    bool hung = false;
    bool skewed = false;
    bool coming_up = true;       ///< started, and not ready since
    clock::time_point well_at{}; ///< when what befell it is behind it
    clock::time_point full_until{};
    clock::time_point start_at{};
  };
  struct interval {
    clock::time_point from;
    clock::time_point to;
  };

  void start_fault(const fault& what);
  void end_fault(std::size_t number);
  void crash(unsigned node, std::uint64_t seed);
  void judge_clock(const active_fault& ended);
  void bring_about();
  void bring_about(unsigned node);
  void bring_about_links();
  void follow_majority();
  [[nodiscard]] bool is_active(fault_kind kind, unsigned node) const;
  [[nodiscard]] bool is_well(unsigned node) const;
  [[nodiscard]] bool has_majority() const;
  [[nodiscard]] node_state& of(unsigned node) { return states_[node - 1]; }

  faulty_cluster& cluster_;
  chat_load::chat_run& run_;
  const bool all_vote_;
  std::function<void(const std::string&)> tell_;
  ready_watch ready_;
  std::vector<node_state> states_;
  std::map<std::size_t, active_fault> active_; ///< by number
  std::size_t begun_ = 0;
  std::map<fault_kind, std::uint32_t> done_;
  network_faults network_; ///< as it is
  std::vector<interval> without_majority_;
  bool majority_ = true;
};

} // namespace godwit::cluster_faults
