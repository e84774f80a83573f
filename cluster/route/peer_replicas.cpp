#include "cluster/route/peer_replicas.hpp"

#include <utility>
#include <variant>

#include "cluster/peer/raft_codec.hpp"
#include "cluster/route/route_log.hpp"

namespace godwit::cluster {
namespace {

/// Votes, heartbeats and answers do not wait behind calls and the entries of other shards: a link that has much to carry
/// must not look like a leader that is gone. Behind its own shard's entries a heartbeat waits, and these say by
/// themselves who leads: a follower that gets it before entries which it builds on has to refuse it, and the leader would
/// send those again.
peer_order order_of(persistence::shard_id shard, const persistence::raft::message& what) {
  const auto* const append = std::get_if<persistence::raft::append_entries>(&what.body);
  if (append == nullptr) {
    return {.first = true};
  }
  return {.first = append->entries.empty(), .stream = std::uint32_t{shard.value()} + 1};
}

} // namespace

peer_replicas::peer_replicas(envelope_port& port, options with) : port_(port), options_(std::move(with)) {
  port_.on(envelope_kind::raft, [this](node_id from, const persistence::slice& body) {
    static log::site unreadable{};
    auto said = decode_raft(from, options_.self, body);
    if (!said) {
      garbage_.add();
      log::warning(unreadable, route_log, "envelope_unreadable",
                   {{"node", from}, {"kind", "raft"}, {"remedy", remedy}});
      // Neither side would notice that a part of what its replicas say is lost.
      port_.refuse(from, "a message of a replica");
      return;
    }
    received_.add();
    if (receive_) {
      receive_(said->shard, std::move(said->what));
    }
  });
}

void peer_replicas::send(persistence::shard_id shard, persistence::raft::message what) {
  const bool sent = port_.send_as(what.to, envelope_kind::raft, order_of(shard, what),
                                  [&](std::string& out) { encode_raft(shard, what, out); });
  (sent ? sent_ : lost_).add();
}

void peer_replicas::fetch_snapshot(persistence::shard_id shard, node_id from,
                                   const persistence::snapshot_point& at_least) {
  if (options_.fetch_snapshot) {
    options_.fetch_snapshot(shard, from, at_least);
  }
}

void peer_replicas::cancel_snapshot(persistence::shard_id shard, std::function<void()> then) {
  if (options_.cancel_snapshot) {
    options_.cancel_snapshot(shard, std::move(then));
  } else {
    then();
  }
}

} // namespace godwit::cluster
