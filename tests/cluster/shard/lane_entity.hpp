#pragma once

#include <map>
#include <string>
#include <vector>

#include "cluster/shard/entity_actor.hpp"
#include "cluster/shard/entity_factory.hpp"

namespace godwit::test {

inline constexpr persistence::table_id lane_sent_table{202};     ///< whom a delivery was for, by number
inline constexpr persistence::table_id lane_received_table{203}; ///< what came, by number
inline constexpr persistence::table_id lane_counts_table{204};   ///< of both

/// An entity that delivers to others and notes what is delivered to it, each with a number of its own. Commands:
///
///   send A B ..   one delivery to each of these users, in one mutation; answers the number of the last
///   text A T      a delivery whose body is T
///   get           how many came
///   sent          how many were sent
///   pause         deliveries wait from now on, and block their lanes
///   resume        they are taken
///   unapplied     how many rows are proposed and not applied
///
/// The body of a delivery is "<sender>:<number>".
class lane_entity final : public cluster::entity_actor {
public:
  /// For the test; touched on the loops alone.
  struct record {
    std::map<std::string, int> faults; ///< by body: how often handling it throws
    int handled = 0;                   ///< deliveries, repeated ones too
    int answered = 0;                  ///< of these, only answered and never accepted; see answer_only
    std::vector<cluster::entity_ref> started;
    bool answer_only = false;
    bool accept_twice = false;
  };

  lane_entity(caf::actor_config& config, cluster::home_loop& home, cluster::shard_context& shard,
              cluster::entity_ref self, record* notes)
      : cluster::entity_actor(config, home, shard, self), notes_(notes) {
    if (notes_ != nullptr) {
      notes_->started.push_back(self);
    }
  }

  /// For kind `user`. nullptr: on several threads.
  static cluster::entity_factories factories(record* notes = nullptr);

protected:
  std::vector<persistence::table_id> tables() const override { return {lane_counts_table}; }
  void load(const std::vector<cluster::loaded_row>& rows) override;
  void handle(const cluster::entity_request_ptr& request) override;

private:
  void take(const cluster::entity_request_ptr& delivery);
  void count();

  record* notes_;
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
  bool paused_ = false;
  std::vector<cluster::entity_request_ptr> held_;
};

} // namespace godwit::test
