#include "tests/simulation/snapshot_fetch.hpp"

#include "tests/simulation/sim_node.hpp"

namespace godwit::simulation {

using persistence::flushed_state;
using persistence::storage_result;

namespace {

constexpr time_us patience = 4 * election_timeout_ms * ms;

} // namespace

void snapshot_fetch::begin(persistence::node_id from, persistence::index_t at_least) {
  stop();
  from_ = from;
  at_least_ = at_least;
  behind_since_ = 0;
  again(200, 3 * ms);
}

void snapshot_fetch::again(time_us from, time_us to) {
  world_.events.plan(world_.now + world_.random.between(from, to), event_kind::fetch,
                     static_cast<std::uint8_t>(owner_.index()), owner_.life(), number_);
}

void snapshot_fetch::turn(std::uint64_t number) {
  if (number != number_) {
    return;
  }
  if (export_ == nullptr || !all_[exporter_]->up() || all_[exporter_]->life() != exporter_life_ ||
      (world_.faulty && world_.random.chance(0.005))) {
    open();
  } else if (!connected() || (world_.faulty && world_.random.chance(0.03))) {
    again(10 * ms, 100 * ms); // a break; both sides keep their place
  } else {
    next_chunk();
  }
}

bool snapshot_fetch::connected() const {
  return all_[exporter_]->awake() && network_.reachable(owner_.index(), exporter_);
}

sim_node* snapshot_fetch::source() const {
  sim_node* found = nullptr;
  for (const auto& node : all_) {
    if (node.get() != &owner_ && node->leads() && network_.reachable(owner_.index(), node->index()) &&
        (found == nullptr || node->id() == from_ ||
         (found->id() != from_ && node->replica().core().term() > found->replica().core().term()))) {
      found = node.get();
    }
  }
  return found;
}

void snapshot_fetch::open() {
  export_.reset();
  sim_node* const leader = source();
  if (leader == nullptr) {
    again(20 * ms, 60 * ms);
    return;
  }
  auto opened = leader->store().begin_export(the_shard);
  if (!opened || (*opened)->point().index < at_least_) {
    behind_since_ = behind_since_ == 0 ? world_.now : behind_since_;
    if (world_.now - behind_since_ > patience) {
      owner_.restart();
    } else {
      again(5 * ms, 20 * ms); // not flushed that far yet
    }
    return;
  }
  behind_since_ = 0;
  export_ = std::move(*opened);
  exporter_ = leader->index();
  exporter_life_ = leader->life();
  next_ = 0;
  last_key_.clear();
  owner_.store().import_begin(the_shard, [this, number = number_](const storage_result<flushed_state>& answer) {
    owner_.post([this, number, ok = answer.has_value()] {
      if (number == number_) {
        if (!ok) {
          export_.reset();
        }
        again(100, 2 * ms);
      }
    });
  });
}

void snapshot_fetch::next_chunk() {
  auto chunk = export_->next(last_key_, next_, world_.random.between(50, 400));
  const bool last = chunk->last;
  std::string last_key = chunk->last_key;
  owner_.store().import_chunk(
    the_shard, std::move(*chunk),
    [this, number = number_, last, last_key = std::move(last_key)](const storage_result<flushed_state>& answer) {
      owner_.post(
        [this, number, last, last_key, ok = answer.has_value()] { chunk_stored(number, last, last_key, ok); });
    });
}

void snapshot_fetch::chunk_stored(std::uint64_t number, bool last, const std::string& last_key, bool ok) {
  if (number != number_) {
    return;
  }
  if (!ok || export_ == nullptr) {
    export_.reset();
    again(100, 2 * ms);
  } else if (last) {
    finish();
  } else {
    ++next_;
    last_key_ = last_key;
    if (world_.kind.slow_snapshots && world_.faulty) {
      again(5 * ms, 100 * ms);
    } else {
      again(500, 5 * ms);
    }
  }
}

void snapshot_fetch::finish() {
  owner_.store().import_finish(the_shard, export_->point(),
                               [this, number = number_](const storage_result<flushed_state>& answer) {
                                 if (!answer) {
                                   owner_.post([this, number] {
                                     if (number == number_) {
                                       export_.reset();
                                       again(1 * ms, 5 * ms);
                                     }
                                   });
                                   return;
                                 }
                                 owner_.post([this, number, state = *answer] {
                                   if (number == number_) {
                                     stop();
                                     owner_.snapshot_arrived(state);
                                   }
                                 });
                               });
}

} // namespace godwit::simulation
