// A replica that is made again, from what the disks hold: when the snapshot it had begun to install cannot be had any
// more, what it held before is worth more than waiting.

#include <utility>

#include "cluster/shard/loop_shards.hpp"
#include "cluster/shard/peer_sink.hpp"
#include "cluster/shard/shard_log.hpp"
#include "cluster/shard/shard_replica.hpp"

namespace godwit::cluster {

using namespace persistence; // NOLINT: speaks of little else

void shard_replica::make_again() {
  if (again_ || !replica_ || replica_->failed() || !replica_->installing()) {
    return; // what was asked for is done, or has come meanwhile
  }
  log::warning(shard_log, "replica_made_again", {{"shard", setup_.shard}});
  // Behind every number that the ended replica gave to a write, and before those of the next one.
  again_.emplace();
  again_->last_write = write_generation{++setup_.replica.incarnation} << 40;
  replica_.reset();
  loop_.home().disarm(timer_);
  if (listener_ != nullptr) {
    listener_->proposals_forgotten();
  }
  settled_ = false;
  after_event();
  log_write marker;
  marker.shard = setup_.shard;
  marker.generation = again_->last_write;
  log_.submit(std::move(marker));
  log_.kick();
  // First, for the next chunk of it would end the import that begins here.
  setup_.peers->cancel_snapshot(setup_.shard, later([](shard_replica& replica) { replica.drop_import(); }));
}

/// Does `what` on the loop when it is called, from any thread: if the replica is then still being made again, for the
/// same time.
std::function<void()> shard_replica::later(std::function<void(shard_replica&)> what) {
  return [loop = loop_.shared_from_this(), shard = setup_.shard, incarnation = setup_.replica.incarnation,
          what = std::move(what)] {
    loop->post([loop, shard, incarnation, what] {
      shard_replica* const replica = loop->find(shard);
      if (replica != nullptr && replica->again_ && replica->setup_.replica.incarnation == incarnation) {
        what(*replica);
      }
    });
  };
}

/// Whatever was being imported is given up, and everything flushed before it is written when this is answered.
void shard_replica::drop_import() {
  store_.import_begin(setup_.shard, [done = later([](shard_replica& replica) {
                                       replica.again_->state_done = true;
                                       replica.read_again();
                                     })](const storage_result<flushed_state>&) { done(); });
  store_.kick();
}

void shard_replica::read_again() {
  if (!again_->log_done || !again_->state_done || again_->reading) {
    return;
  }
  const std::shared_ptr<loop_shards> loop = loop_.shared_from_this();
  const storage_result<void> queued = store_.run_on_reader([loop, &log = log_, &store = store_, shard = setup_.shard] {
    storage_result<flushed_state> state = store.recover(shard);
    storage_result<recovered_log> entries = state ? log.recover(shard, state->point.index) : recovered_log{};
    loop->post([loop, shard, state = std::move(state), entries = std::move(entries)]() mutable {
      if (shard_replica* const replica = loop->find(shard)) {
        replica->made_again(std::move(state), std::move(entries));
      }
    });
  });
  again_->reading = queued.has_value(); // busy: at the next tick
}

void shard_replica::made_again(storage_result<flushed_state> state, storage_result<recovered_log> log) {
  if (!again_) {
    return;
  }
  again_->reading = false;
  if (!state || !log) {
    const storage_error& why = !state ? state.error() : log.error();
    if (why.code != persistence_errc::busy) {
      again_.reset();
      failure_ = why;
      after_event();
    }
    return; // again at the next tick
  }
  again_.reset();
  setup_.state = std::move(*state);
  setup_.log = std::move(*log);
  state_.emplace(setup_.shard, store_, setup_.state, setup_.state_options);
  replica_.emplace(setup_.shard, setup_.replica, log_, *state_, static_cast<raft::replica_host&>(*this));
  start();
}

} // namespace godwit::cluster
