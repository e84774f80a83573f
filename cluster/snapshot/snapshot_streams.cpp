#include "cluster/snapshot/snapshot_streams.hpp"

#include <utility>

#include "cluster/snapshot/snapshot_fetches.hpp"
#include "cluster/snapshot/snapshot_parts.hpp"
#include "cluster/snapshot/snapshot_sender.hpp"

namespace godwit::cluster {

struct snapshot_streams::impl {
  impl(home_loop& loop, peer_network& network, persistence::state_store& state, options with)
      : parts(loop, network, state, std::move(with)), fetches(parts), sender(parts) {}

  snapshot_parts parts;
  snapshot_fetches fetches;
  snapshot_sender sender;
};

snapshot_streams::snapshot_streams(home_loop& loop, peer_network& network, persistence::state_store& state,
                                   options with)
    : impl_(std::make_unique<impl>(loop, network, state, std::move(with))) {}

snapshot_streams::~snapshot_streams() { impl_->parts.gate->close(); }

void snapshot_streams::fetch(shard_id shard, node_id from, const persistence::snapshot_point& at_least, fetched done) {
  impl_->parts.gate->post([own = impl_.get(), shard, from, index = at_least.index, done = std::move(done)]() mutable {
    own->fetches.fetch(shard, from, index, std::move(done));
  });
}

void snapshot_streams::cancel(shard_id shard, std::function<void()> ended) {
  impl_->parts.gate->post(
    [own = impl_.get(), shard, ended = std::move(ended)]() mutable { own->fetches.cancel(shard, std::move(ended)); });
}

void snapshot_streams::stop(std::function<void()> done) {
  impl_->parts.gate->post([own = impl_.get(), done = std::move(done)] {
    own->fetches.stop();
    own->sender.stop();
    own->parts.gate->close();
    if (done) {
      done();
    }
  });
}

std::vector<snapshot_transfer> snapshot_streams::status() const { return impl_->parts.board.list(); }
const snapshot_counters& snapshot_streams::counters() const { return impl_->parts.counters; }

void snapshot_streams::take(std::unique_ptr<peer_connection> connection, node_id certified) {
  impl_->sender.take(std::move(connection), certified);
}

} // namespace godwit::cluster
