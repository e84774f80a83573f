#pragma once

#include <map>
#include <string>
#include <vector>

#include "cluster/shard/entity_actor.hpp"
#include "cluster/shard/entity_factory.hpp"

namespace godwit::test {

inline constexpr persistence::table_id counter_table{200};
inline constexpr persistence::table_id counter_log_table{201};

/// An entity that counts. Its commands:
///
///   add     one more, in a row of its own; answers the number once it is committed
///   log     as add, and a row for every number
///   get     the number
///   rows    how many rows it loaded
///   fail    FLOOD_WAIT_7, after one more
///   hold    answered with the next command `release`
///   throw   a fault in a handler, after one more was proposed
///   forget  answers while rows are gathered and not proposed, which is a fault too
///   big N   proposes a row of N bytes
///   stay    is busy from now on
class counter_entity final : public cluster::entity_actor {
public:
  /// What the test wants to know about all of them.
  struct record {
    std::vector<cluster::entity_ref> started;
    caf::actor last; ///< the one started last
    int alive = 0;
    bool load_throws = false;
  };

  counter_entity(caf::actor_config& config, cluster::home_loop& home, cluster::shard_context& shard,
                 cluster::entity_ref self, record* notes)
      : cluster::entity_actor(config, home, shard, self), notes_(notes) {
    if (notes_ != nullptr) {
      notes_->started.push_back(self);
      ++notes_->alive;
    }
  }

  /// For kind `user`; `notes` is touched on the loop alone.
  static cluster::entity_factories factories(record* notes = nullptr);

protected:
  std::vector<persistence::table_id> tables() const override { return {counter_table, counter_log_table}; }
  void load(const std::vector<cluster::loaded_row>& rows) override;
  void handle(const cluster::entity_request_ptr& request) override;
  bool busy() const override { return busy_; }
  void on_exit() override;

private:
  void add();

  record* notes_;
  std::uint64_t number_ = 0;
  std::size_t rows_ = 0;
  bool busy_ = false;
  std::vector<cluster::entity_request_ptr> held_;
  std::vector<caf::actor> listeners_;
};

} // namespace godwit::test
