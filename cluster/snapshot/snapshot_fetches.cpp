#include "cluster/snapshot/snapshot_fetches.hpp"

#include <algorithm>
#include <deque>
#include <utility>

#include "cluster/base/loop_timer.hpp"

namespace godwit::cluster {

using persistence::no_node;
using persistence::persistence_errc;
using persistence::slice;
using phase = snapshot_transfer::phase;

namespace {

/// Damage of so many chunks on end: what comes from there is not worth going on with.
constexpr std::uint32_t damages_max = 3;

} // namespace

struct snapshot_fetches::one final : peer_connection_listener {
  one(snapshot_fetches& of, shard_id which)
      : owner(of),
        shard(which),
        timer([this] { owner.timer(*this); }),
        retry([this] { owner.import_next(*this); }),
        record(of.parts_.loop, of.parts_.board, which, true, no_node) {}

  void opened(node_id) override { owner.ask(*this); }
  void received(slice bytes) override { owner.frame(*this, std::move(bytes)); }
  void closed(const std::string& why) override { owner.broken(*this, why); }

  snapshot_fetches& owner;
  const shard_id shard;
  snapshot_streams::fetched done;
  node_id from; ///< who is asked when nobody is known to lead
  persistence::index_t at_least = 0;
  monotonic_ms behind_since = 0; ///< whoever leads stands below that; 0: not so

  std::unique_ptr<peer_connection> connection;
  node_id target;         ///< at its other end
  bool streaming = false; ///< an offer came on it
  bool over = false;
  std::uint32_t pause_ms = limits::snapshot_retry_ms;
  loop_timer timer; ///< of a pause, or of the other side's silence
  loop_timer retry; ///< of a chunk for which there was no room
  std::uint32_t retry_ms = limits::snapshot_retry_ms;
  transfer_record record;

  // The import. What stands here goes when it is abandoned.
  struct import {
    std::uint64_t number = 0; ///< of all imports; what is answered to another one is void
    std::uint64_t token = 0;  ///< 0: there is none
    node_id sender;
    persistence::snapshot_point point;
    bool begun = false;
    bool complete = false;      ///< the last chunk is here
    bool under_way = false;     ///< a call of the store
    std::uint64_t received = 0; ///< chunks; the number of the next one
    std::string last_key;       ///< received
    std::string imported_key;
    stream_sums sums; ///< imported
    std::deque<received_chunk> queue;
    std::uint32_t damages = 0; ///< on end
  } in;
};

snapshot_fetches::snapshot_fetches(snapshot_parts& with) : parts_(with) {}
snapshot_fetches::~snapshot_fetches() = default;

void snapshot_fetches::fetch(shard_id shard, node_id from, persistence::index_t at_least,
                             snapshot_streams::fetched done) {
  std::unique_ptr<one>& place = fetches_[shard];
  if (place && place->in.token != 0 && place->in.point.index < at_least) {
    abandon(*place, "a later snapshot is wanted");
    place->connection.reset();
    place->streaming = false;
  }
  const bool fresh = !place;
  if (fresh) {
    place = std::make_unique<one>(*this, shard);
  }
  place->done = std::move(done);
  place->from = from;
  place->at_least = at_least;
  place->behind_since = 0;
  count();
  if (fresh || (!place->connection && place->in.token == 0)) {
    place->pause_ms = limits::snapshot_retry_ms;
    seek(*place);
  }
}

void snapshot_fetches::cancel(shard_id shard, std::function<void()> ended) {
  if (const auto at = fetches_.find(shard); at != fetches_.end()) {
    at->second->record.ended("transfer_cancelled");
    fetches_.erase(at);
    count();
  }
  if (const auto at = calls_.find(shard); at == calls_.end()) {
    ended();
  } else {
    waiting_.emplace(shard, std::move(ended));
  }
}

void snapshot_fetches::stop() {
  fetches_.clear();
  parting_.clear();
  waiting_.clear();
}

void snapshot_fetches::count() { parts_.counters.receiving.set(static_cast<std::int64_t>(fetches_.size())); }

// --- the connection -------------------------------------------------------------------------------

/// Asks whoever leads, or goes on where the connection broke.
void snapshot_fetches::seek(one& of) {
  const node_id leader = parts_.leader_elsewhere(of.shard);
  of.target = of.in.token != 0 ? of.in.sender : leader != no_node ? leader : of.from;
  const auto address =
    of.target == no_node || of.target == parts_.options.self ? std::nullopt : parts_.options.address_of(of.target);
  if (!address) {
    broken(of, "the address of its sender is not known");
    return;
  }
  of.streaming = false;
  of.connection = parts_.network.dial(*address, peer_stream::bulk, of.target, of);
  parts_.loop.arm(of.timer, parts_.loop.now() + limits::snapshot_silence_ms);
}

void snapshot_fetches::ask(one& of) {
  wire::SnapshotFrame out;
  wire::SnapshotAsk& what = *out.mutable_ask();
  what.set_version(snapshot_exchange_version);
  what.set_shard(of.shard.value());
  what.set_node(parts_.options.self.value());
  what.set_at_least(of.at_least);
  what.set_token(of.in.token);
  what.set_number(of.in.received);
  of.connection->send(pack(out));
}

void snapshot_fetches::frame(one& of, slice bytes) {
  wire::SnapshotFrame in;
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    garbage(of, "what came is no frame of a snapshot");
    return;
  }
  if (of.over) {
    return;
  }
  parts_.loop.arm(of.timer, parts_.loop.now() + limits::snapshot_silence_ms);
  switch (in.content_case()) {
  case wire::SnapshotFrame::kOffer: offered(of, in.offer()); break;
  case wire::SnapshotFrame::kChunk: arrived(of, *in.mutable_chunk()); break;
  case wire::SnapshotFrame::kRefusal: refused(of, in.refusal()); break;
  case wire::SnapshotFrame::kWait:
    if (!of.streaming) {
      of.record.set(phase::waiting, of.target);
    }
    break;
  default: break;
  }
}

void snapshot_fetches::offered(one& of, const wire::SnapshotOffer& what) {
  std::optional<persistence::snapshot_point> point = read_point(what.point());
  if (of.streaming || what.token() == 0 || !point || point->index < of.at_least ||
      (what.resumed() && (what.token() != of.in.token || *point != of.in.point))) {
    garbage(of, "its offer is not what was asked for");
    return;
  }
  of.streaming = true;
  of.behind_since = 0;
  of.pause_ms = limits::snapshot_retry_ms;
  if (what.resumed()) {
    parts_.counters.resumed.add();
    of.record.begun(true, of.in.point.index, of.in.sums.rows, of.in.sums.bytes);
    of.record.set(phase::streaming, of.target);
    grant(of);
    return;
  }
  if (of.in.token != 0) {
    abandon(of, "its sender does not hold the rest any more");
  }
  of.in.number = next_import_++;
  of.in.token = what.token();
  of.in.sender = of.target;
  of.in.point = std::move(*point);
  of.in.sums = {of.shard, of.in.point};
  of.record.set(phase::streaming, of.target);
  of.record.begun(false, of.in.point.index, 0, 0);
  call(
    of, [&](auto done) { parts_.store.import_begin(of.shard, std::move(done)); }, &snapshot_fetches::begun);
}

void snapshot_fetches::grant(one& of) {
  if (!of.connection || !of.streaming || of.in.complete) {
    return;
  }
  wire::SnapshotFrame out;
  out.mutable_grant()->set_below(of.in.sums.chunks + limits::snapshot_window_chunks);
  out.mutable_grant()->set_imported(of.in.sums.chunks);
  of.connection->send(pack(out));
}

void snapshot_fetches::arrived(one& of, wire::SnapshotChunk& what) {
  if (!of.streaming || of.in.complete || what.number() != of.in.received ||
      what.number() >= of.in.sums.chunks + limits::snapshot_window_chunks) {
    garbage(of, "a chunk came out of turn");
    return;
  }
  received_chunk taken;
  taken.rows = what.row_count();
  taken.chunk.number = what.number();
  taken.chunk.last_key = what.last_key();
  taken.chunk.crc = what.crc();
  taken.chunk.last = what.has_totals();
  if (taken.chunk.last) {
    const wire::SnapshotTotals& totals = what.totals();
    taken.totals.chunks = totals.chunks();
    taken.totals.rows = totals.rows();
    taken.totals.bytes = totals.bytes();
    taken.totals.checksum = totals.checksum();
  }
  taken.chunk.rows = slice::adopt(std::move(*what.mutable_rows()));
  ++of.in.received;
  of.in.complete = taken.chunk.last;
  of.in.last_key = taken.chunk.last_key;
  of.in.queue.push_back(std::move(taken));
  import_next(of);
}

void snapshot_fetches::refused(one& of, const wire::SnapshotRefusal& what) {
  parts_.counters.refused.add();
  of.connection.reset();
  if (of.in.token != 0) {
    abandon(of, "its sender does not hold the rest any more");
  }
  if (what.reason() == wire::SnapshotRefusal::NOT_LEADER && what.leader() != 0) {
    of.from = node_id{what.leader()};
  }
  if (what.reason() == wire::SnapshotRefusal::BEHIND && of.target == parts_.leader_elsewhere(of.shard)) {
    behind(of);
    return;
  }
  again(of);
}

void snapshot_fetches::behind(one& of) {
  const monotonic_ms now = parts_.loop.now();
  of.behind_since = of.behind_since == 0 ? now : of.behind_since;
  of.pause_ms = limits::snapshot_retry_ms; // its rows are flushed a few times a second
  if (now - of.behind_since < limits::snapshot_stale_ms || calls_.contains(of.shard)) {
    again(of);
    return;
  }
  parts_.counters.stale.add();
  const shard_id shard = of.shard;
  of.record.ended("transfer_stale", "whoever leads stands below what is wanted");
  part(of);
  if (parts_.options.stale) {
    parts_.options.stale(shard);
  }
}

void snapshot_fetches::garbage(one& of, std::string_view why) {
  static log::site site{};
  log::warning(site, snapshot_log, "garbage",
               {{"peer", of.target}, {"shard", of.shard}, {"why", why}, {"remedy", "run one version on all nodes"}});
  if (of.over) {
    of.connection.reset();
    return;
  }
  if (of.in.token != 0) {
    abandon(of, why);
  }
  broken(of, why);
}

void snapshot_fetches::broken(one& of, std::string_view why) {
  of.connection.reset();
  if (of.over) {
    parts_.gate->post([this] { sweep(); });
    return;
  }
  if (std::exchange(of.streaming, false) && !of.in.complete) {
    parts_.counters.broken.add();
    of.record.ended("transfer_broken", why);
  } else if (of.in.token != 0 && !of.in.complete) {
    // It could not even be asked to go on. Another that leads has the rows as well.
    if (const node_id leader = parts_.leader_elsewhere(of.shard); leader != no_node && leader != of.in.sender) {
      abandon(of, "its sender is gone and another node leads");
    }
  }
  again(of);
}

void snapshot_fetches::again(one& of) {
  if (of.in.complete) {
    parts_.loop.disarm(of.timer);
    return; // nothing is missing; the store has the rest of the work
  }
  of.record.set(phase::seeking, of.target);
  const std::uint32_t pause = of.pause_ms / 2 + static_cast<std::uint32_t>(parts_.draw() % (of.pause_ms / 2 + 1));
  of.pause_ms = std::min(of.pause_ms * 2, limits::snapshot_retry_ms_max);
  parts_.loop.arm(of.timer, parts_.loop.now() + pause);
}

void snapshot_fetches::timer(one& of) {
  if (of.connection || of.over) {
    broken(of, "the other side says nothing");
  } else {
    seek(of);
  }
}

// --- the state store ------------------------------------------------------------------------------

template <class Call>
void snapshot_fetches::call(one& of, Call with, void (snapshot_fetches::*then)(one&, const answer&)) {
  of.in.under_way = true;
  ++calls_[of.shard];
  with([this, gate = parts_.gate, shard = of.shard, number = of.in.number, then](answer result) {
    gate->post([this, shard, number, then, result = std::move(result)] {
      if (--calls_[shard] == 0) {
        calls_.erase(shard);
      }
      if (const auto at = fetches_.find(shard); at != fetches_.end() && at->second->in.number == number) {
        at->second->in.under_way = false;
        (this->*then)(*at->second, result);
      }
      if (!calls_.contains(shard)) {
        const auto [first, last] = waiting_.equal_range(shard);
        std::vector<std::function<void()>> ended;
        for (auto each = first; each != last; ++each) {
          ended.push_back(std::move(each->second));
        }
        waiting_.erase(first, last);
        for (const std::function<void()>& each : ended) {
          each();
        }
      }
    });
  });
}

void snapshot_fetches::begun(one& of, const answer& result) {
  if (!result) {
    abandon(of, result.error().message);
    broken(of, result.error().message);
    return;
  }
  of.in.begun = true;
  grant(of);
  import_next(of);
}

void snapshot_fetches::import_next(one& of) {
  if (of.in.under_way || !of.in.begun || of.in.queue.empty() || of.retry.armed()) {
    return;
  }
  call(
    of, [&](auto done) { parts_.store.import_chunk(of.shard, of.in.queue.front().chunk, std::move(done)); },
    &snapshot_fetches::imported);
}

void snapshot_fetches::imported(one& of, const answer& result) {
  if (of.in.queue.empty()) {
    return;
  }
  const received_chunk& chunk = of.in.queue.front();
  const auto rows = result ? count_snapshot_rows(chunk.chunk.rows.view(), of.in.imported_key) : std::nullopt;
  if (!result && result.error().code == persistence_errc::no_space) {
    // The chunk stays, nothing more is granted, and the disk is tried again.
    static log::site site{};
    log::warning(site, snapshot_log, "import_waits", {{"shard", of.shard}, {"why", result.error().message}});
    of.retry_ms = std::min(of.retry_ms * 2, limits::snapshot_retry_ms_max);
    parts_.loop.arm(of.retry, parts_.loop.now() + of.retry_ms);
    return;
  }
  if (result && rows != chunk.rows) {
    parts_.counters.damaged.add();
    abandon(of, "a chunk does not hold as many rows as its sender counted");
    broken(of, "a chunk was damaged");
    return;
  }
  if (!result) {
    const bool damaged = result.error().code == persistence_errc::corrupt;
    parts_.counters.damaged.add(damaged ? 1 : 0);
    if (!damaged || ++of.in.damages >= damages_max) {
      abandon(of, result.error().message);
    } else {
      of.in.queue.clear();
      of.in.received = of.in.sums.chunks;
      of.in.last_key = of.in.imported_key;
      of.in.complete = false;
    }
    broken(of, result.error().message);
    return;
  }
  of.retry_ms = limits::snapshot_retry_ms;
  of.in.damages = 0;
  of.in.sums.add(chunk.chunk.rows.view(), chunk.rows);
  of.in.imported_key = chunk.chunk.last_key;
  parts_.counters.received_bytes.add(chunk.chunk.rows.size());
  parts_.counters.received_rows.add(chunk.rows);
  of.record.at(of.in.sums.rows, of.in.sums.bytes);
  const bool last = chunk.chunk.last;
  const bool right = !last || chunk.totals == of.in.sums;
  of.in.queue.pop_front();
  if (!right) {
    parts_.counters.damaged.add();
    abandon(of, "what came is not what its sender says it sent");
    broken(of, "the checksum over all rows does not hold");
  } else if (last) {
    finish(of);
  } else {
    grant(of);
    import_next(of);
  }
}

void snapshot_fetches::finish(one& of) {
  of.record.set(phase::finishing, of.in.sender);
  call(
    of, [&](auto done) { parts_.store.import_finish(of.shard, of.in.point, std::move(done)); },
    &snapshot_fetches::finished);
}

void snapshot_fetches::finished(one& of, const answer& result) {
  if (!result) {
    abandon(of, result.error().message);
    broken(of, result.error().message);
    return;
  }
  parts_.counters.installed.add();
  of.record.ended("transfer_installed");
  if (of.connection) {
    wire::SnapshotFrame out;
    out.mutable_installed();
    of.connection->send(pack(out));
  }
  const snapshot_streams::fetched done = std::move(of.done);
  part(of);
  done(*result);
}

void snapshot_fetches::abandon(one& of, std::string_view why) {
  parts_.counters.begun_anew.add();
  log::warning(snapshot_log, "import_dropped",
               {{"shard", of.shard}, {"peer", of.in.sender}, {"rows", of.in.sums.rows}, {"why", why}});
  parts_.loop.disarm(of.retry);
  of.in = {};
}

/// Takes the fetch off the list; its connection ends when the other side has heard, or in a while.
void snapshot_fetches::part(one& of) {
  const auto at = fetches_.find(of.shard);
  of.over = true;
  parts_.loop.disarm(of.retry);
  parts_.loop.arm(of.timer, parts_.loop.now() + limits::peer_connect_ms);
  parting_.push_back(std::move(at->second));
  fetches_.erase(at);
  count();
}

void snapshot_fetches::sweep() {
  std::erase_if(parting_, [](const std::unique_ptr<one>& each) { return !each->connection; });
}

} // namespace godwit::cluster
