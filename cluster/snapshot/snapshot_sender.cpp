#include "cluster/snapshot/snapshot_sender_stream.hpp"

#include <algorithm>
#include <utility>

namespace godwit::cluster {

using persistence::persistence_errc;
using persistence::state_chunk;
using persistence::storage_error;
using persistence::storage_result;

snapshot_sender::snapshot_sender(snapshot_parts& with)
    : parts_(with), budget_(with.options.bytes_per_second), tick_([this] { tick(); }), budget_open_([this] {
        for (const std::unique_ptr<stream>& each : streams_) {
          pump(*each);
        }
      }) {}

snapshot_sender::~snapshot_sender() = default;

void snapshot_sender::take(std::unique_ptr<peer_connection> connection, node_id certified) {
  if (streams_.size() >= limits::snapshot_connections_max) {
    static log::site site{};
    log::warning(site, snapshot_log, "connection_refused",
                 {{"peer", certified}, {"why", "too many bulk connections are open; the other side comes again"}});
    return;
  }
  streams_.push_back(std::make_unique<stream>(*this, next_stream_++, std::move(connection), certified));
  stream& fresh = *streams_.back();
  fresh.heard_at = fresh.sent_at = parts_.loop.now();
  fresh.connection->listen(fresh);
  keep_ticking();
}

void snapshot_sender::stop() {
  streams_.clear();
  pictures_.clear();
  parts_.loop.disarm(tick_);
  parts_.loop.disarm(budget_open_);
}

// --- what the other side says ---------------------------------------------------------------------

void snapshot_sender::frame(stream& from, persistence::slice bytes) {
  wire::SnapshotFrame in;
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    static log::site site{};
    log::warning(site, snapshot_log, "garbage",
                 {{"peer", from.certified},
                  {"why", "a node sent what is no frame of a snapshot; run the same version on all nodes"}});
    end(from, true, "garbage");
    return;
  }
  from.heard_at = parts_.loop.now();
  switch (in.content_case()) {
  case wire::SnapshotFrame::kAsk: asked(from, in.ask()); break;
  case wire::SnapshotFrame::kGrant: granted(from, in.grant()); break;
  case wire::SnapshotFrame::kInstalled:
    if (from.rows && from.rows->marks.back().end) {
      parts_.counters.sent.add();
      end(from, false, "installed");
      start_next();
    }
    break;
  default: break;
  }
}

void snapshot_sender::asked(stream& from, const wire::SnapshotAsk& what) {
  const node_id peer{what.node()};
  if (from.now != stream::state::silent || what.version() == 0 || peer == persistence::no_node ||
      (from.certified != persistence::no_node && from.certified != peer)) {
    static log::site site{};
    log::warning(site, snapshot_log, "ask_refused",
                 {{"peer", from.certified}, {"why", "a node asks in another's name, or twice"}});
    end(from, true, "refused");
    return;
  }
  from.peer = peer;
  if (what.shard() > 0xFFFF || (what.shard() >= parts_.options.shards && what.shard() != meta_shard.value())) {
    refuse(from, wire::SnapshotRefusal::NO_SUCH_SHARD);
    return;
  }
  from.shard = shard_id{static_cast<std::uint16_t>(what.shard())};
  from.at_least = what.at_least();
  // The same node asks for the same shard again: what it had before is dead, whatever the connection looks like.
  for (const std::unique_ptr<stream>& each : streams_) {
    if (each.get() != &from && each->peer == peer && each->shard == from.shard && each->now != stream::state::silent &&
        each->now != stream::state::over) {
      end(*each, true, "asked again");
    }
  }
  const auto kept = std::find_if(pictures_.begin(), pictures_.end(), [&](const std::shared_ptr<picture>& each) {
    return each->peer == peer && each->shard == from.shard;
  });
  if (kept != pictures_.end()) {
    const std::shared_ptr<picture> rows = *kept;
    const auto place = std::find_if(rows->marks.begin(), rows->marks.end(),
                                    [&](const mark& each) { return each.sums.chunks == what.number(); });
    if (what.token() == rows->token && place != rows->marks.end() && rows->source->point().index >= from.at_least) {
      rows->marks.erase(std::next(place), rows->marks.end());
      ++rows->rewound;
      rows->given_up_at = 0;
      from.rows = rows;
    } else {
      drop(rows);
    }
  }
  if (!from.rows) {
    if (const node_id leader = parts_.leader_elsewhere(from.shard); leader != persistence::no_node) {
      refuse(from, wire::SnapshotRefusal::NOT_LEADER, leader.value());
      return;
    }
  }
  from.now = stream::state::queued;
  start_next();
  if (from.now == stream::state::queued) {
    send_wait(from);
  }
}

void snapshot_sender::granted(stream& from, const wire::SnapshotGrant& what) {
  if (!from.rows || from.now != stream::state::running) {
    return;
  }
  from.granted = std::max(from.granted, what.below());
  std::deque<mark>& marks = from.rows->marks;
  while (marks.size() > 1 && marks.front().sums.chunks < what.imported()) {
    marks.pop_front();
  }
  pump(from);
}

void snapshot_sender::closed(stream& which) {
  end(which, true, "the connection ended");
  start_next();
}

// --- the course of a stream -----------------------------------------------------------------------

std::size_t snapshot_sender::running() const {
  return static_cast<std::size_t>(std::count_if(streams_.begin(), streams_.end(), [](const auto& each) {
    return each->now == stream::state::opening || each->now == stream::state::running;
  }));
}

void snapshot_sender::start_next() {
  std::size_t under_way = running();
  for (const std::unique_ptr<stream>& each : streams_) {
    if (under_way >= limits::snapshot_streams_out) {
      break;
    }
    if (each->now == stream::state::queued) {
      if (each->rows) {
        begin(*each, true);
      } else {
        open(*each);
      }
      under_way = running();
    }
  }
  parts_.counters.sending.set(static_cast<std::int64_t>(under_way));
}

void snapshot_sender::open(stream& which) {
  which.now = stream::state::opening;
  which.picked = std::make_shared<opening>();
  // What waits on the loop holds no rows: a picture that nobody takes any more ends on the reader thread.
  const auto queued = parts_.store.run_on_reader([this, &store = parts_.store, gate = parts_.gate, shard = which.shard,
                                                  number = which.number, asked = std::weak_ptr<opening>(which.picked)] {
    {
      const std::shared_ptr<opening> box = asked.lock();
      if (!box) {
        return;
      }
      auto made = store.begin_export(shard);
      if (made) {
        box->source = *std::move(made);
      } else {
        box->error = std::move(made.error());
      }
    }
    gate->post([this, number] {
      if (stream* const asker = stream_of(number); asker != nullptr && asker->picked) {
        opened(*asker);
      }
    });
  });
  if (!queued) {
    which.now = stream::state::queued;
    which.picked.reset();
  }
}

void snapshot_sender::opened(stream& which) {
  const std::shared_ptr<opening> box = std::exchange(which.picked, nullptr);
  std::shared_ptr<persistence::state_export> source = std::move(box->source);
  if (!source && box->error.code == persistence_errc::busy) {
    which.now = stream::state::queued; // the tick tries again
    return;
  }
  if (!source) {
    log::error(snapshot_log, "export_failed", {{"shard", which.shard}, {"why", box->error.message}});
    refuse(which, wire::SnapshotRefusal::FAILED);
    start_next();
    return;
  }
  if (source->point().index < which.at_least || source->point().index == 0) {
    const persistence::index_t at = source->point().index;
    source.reset();
    refuse(which, wire::SnapshotRefusal::BEHIND, 0, at);
    start_next();
    return;
  }
  auto rows = std::make_shared<picture>();
  rows->shard = which.shard;
  rows->peer = which.peer;
  rows->token = std::max<std::uint64_t>(parts_.draw(), 1);
  rows->source = std::move(source);
  rows->marks.push_back({{}, {rows->shard, rows->source->point()}, false});
  rows->record = std::make_unique<transfer_record>(parts_.loop, parts_.board, which.shard, false, which.peer);
  pictures_.push_back(rows);
  parts_.counters.exports.set(static_cast<std::int64_t>(pictures_.size()));
  which.rows = std::move(rows);
  begin(which, false);
}

void snapshot_sender::begin(stream& which, bool resumed) {
  which.now = stream::state::running;
  which.heard_at = parts_.loop.now(); // it may have waited for long, without a word
  const picture& rows = *which.rows;
  const stream_sums& sums = rows.marks.back().sums;
  which.granted = sums.chunks;
  wire::SnapshotFrame out;
  out.mutable_offer()->set_token(rows.token);
  out.mutable_offer()->set_resumed(resumed);
  write_point(rows.source->point(), *out.mutable_offer()->mutable_point());
  send(which, out);
  rows.record->begun(resumed, rows.source->point().index, sums.rows, sums.bytes);
}

void snapshot_sender::pump(stream& which) {
  if (which.now != stream::state::running || which.rows->reading) {
    return;
  }
  const mark& at = which.rows->marks.back();
  if (at.end || at.sums.chunks >= which.granted || which.connection->queued_bytes() > limits::peer_queue_bytes_high) {
    return;
  }
  const monotonic_ms now = parts_.loop.now();
  if (!budget_.open(now)) {
    if (!budget_open_.armed()) {
      parts_.loop.arm(budget_open_, std::max(budget_.open_at(now), now + 1));
    }
    return;
  }
  read(which);
}

void snapshot_sender::read(stream& which) {
  const std::shared_ptr<picture>& rows = which.rows;
  rows->reading = true;
  // Only the reader thread and the picture hold the rows themselves, never what waits on the loop: their pages have to
  // be free when the picture is dropped.
  const auto queued = parts_.store.run_on_reader(
    [this, gate = parts_.gate, source = rows->source, known = std::weak_ptr<picture>(rows), rewound = rows->rewound,
     at = rows->marks.back(), bytes_max = parts_.options.chunk_bytes]() mutable {
      auto result = std::make_shared<read_result>();
      result->rewound = rewound;
      storage_result<state_chunk> chunk = source->next(at.after, at.sums.chunks, bytes_max);
      source.reset();
      const auto count = chunk ? count_snapshot_rows(chunk->rows.view(), at.after) : std::nullopt;
      if (count) {
        result->next = {chunk->last_key, at.sums, chunk->last};
        result->next.sums.add(chunk->rows.view(), *count);
        result->rows = *count;
        result->bytes = chunk->rows.size();
        result->frame = pack_chunk(*chunk, *count, result->next.sums);
      } else {
        result->error = chunk ? storage_error{persistence_errc::corrupt, "rows of the state are out of order"}
                              : std::move(chunk.error());
      }
      gate->post([this, known, result] {
        if (const std::shared_ptr<picture> back = known.lock()) {
          chunk_read(back, *result);
        }
      });
    });
  if (!queued) {
    rows->reading = false; // the tick tries again
  }
}

void snapshot_sender::chunk_read(const std::shared_ptr<picture>& rows, read_result& what) {
  rows->reading = false;
  stream* const to = stream_of(*rows);
  if (to == nullptr) {
    return;
  }
  if (what.rewound != rows->rewound || to->now != stream::state::running) {
    pump(*to);
    return;
  }
  if (what.error) {
    log::error(snapshot_log, "export_failed", {{"shard", rows->shard}, {"why", what.error->message}});
    drop(rows);
    refuse(*to, wire::SnapshotRefusal::FAILED);
    start_next();
    return;
  }
  budget_.take(parts_.loop.now(), what.frame.size());
  parts_.counters.sent_bytes.add(what.bytes);
  parts_.counters.sent_rows.add(what.rows);
  rows->marks.push_back(std::move(what.next));
  const mark& at = rows->marks.back();
  rows->record->at(at.sums.rows, at.sums.bytes);
  if (at.end) {
    rows->record->set(snapshot_transfer::phase::finishing, rows->peer);
  }
  to->sent_at = parts_.loop.now();
  to->connection->send(std::move(what.frame));
  pump(*to);
}

void snapshot_sender::send(stream& to, const wire::SnapshotFrame& what) {
  to.sent_at = parts_.loop.now();
  to.connection->send(pack(what));
}

void snapshot_sender::send_wait(stream& to) {
  wire::SnapshotFrame out;
  out.mutable_wait()->set_before(0);
  for (const std::unique_ptr<stream>& each : streams_) {
    if (each.get() == &to) {
      break;
    }
    if (each->now == stream::state::queued) {
      out.mutable_wait()->set_before(out.wait().before() + 1);
    }
  }
  send(to, out);
}

void snapshot_sender::refuse(stream& which, wire::SnapshotRefusal::Reason why, std::uint64_t leader,
                             std::uint64_t index) {
  wire::SnapshotFrame out;
  out.mutable_refusal()->set_reason(why);
  out.mutable_refusal()->set_leader(leader);
  out.mutable_refusal()->set_index(index);
  send(which, out);
  which.now = stream::state::refused;
  which.rows.reset();
}

void snapshot_sender::end(stream& which, bool keep_picture, std::string_view why) {
  if (which.now == stream::state::over) {
    return;
  }
  which.now = stream::state::over; // the tick takes it away: this may be a call of its own
  which.connection.reset();
  which.picked.reset();
  const std::shared_ptr<picture> rows = std::exchange(which.rows, nullptr);
  if (!rows) {
    return;
  }
  if (!keep_picture) {
    rows->record->ended("transfer_ended", why);
    drop(rows);
    return;
  }
  rows->record->ended("transfer_broken", why);
  rows->record->set(snapshot_transfer::phase::broken, rows->peer);
  rows->given_up_at = parts_.loop.now() + limits::snapshot_hold_ms;
}

void snapshot_sender::drop(const std::shared_ptr<picture>& what) {
  const std::shared_ptr<picture> rows = what;
  std::erase(pictures_, rows);
  rows->record.reset();
  rows->source.reset(); // a reader thread may have it for one chunk more
  parts_.counters.exports.set(static_cast<std::int64_t>(pictures_.size()));
}

snapshot_sender::stream* snapshot_sender::stream_of(std::uint64_t number) {
  const auto at =
    std::find_if(streams_.begin(), streams_.end(), [number](const auto& each) { return each->number == number; });
  return at == streams_.end() ? nullptr : at->get();
}

snapshot_sender::stream* snapshot_sender::stream_of(const picture& rows) {
  const auto at =
    std::find_if(streams_.begin(), streams_.end(), [&rows](const auto& each) { return each->rows.get() == &rows; });
  return at == streams_.end() ? nullptr : at->get();
}

// --- time -----------------------------------------------------------------------------------------

void snapshot_sender::keep_ticking() {
  if (!tick_.armed()) {
    parts_.loop.arm(tick_, parts_.loop.now() + limits::snapshot_tick_ms);
  }
}

void snapshot_sender::tick() {
  const monotonic_ms now = parts_.loop.now();
  if (parts_.store.wants_readers_gone() && !pictures_.empty()) {
    // The store cannot write until they are. Receivers begin anew.
    parts_.counters.given_up_for.add(pictures_.size());
    for (const std::unique_ptr<stream>& each : streams_) {
      if (each->rows) {
        end(*each, false, "the state store makes its file larger");
      }
    }
    while (!pictures_.empty()) {
      drop(pictures_.back());
    }
  }
  for (const std::unique_ptr<stream>& each : streams_) {
    look_at(*each, now);
  }
  std::size_t held = 0;
  for (auto each = pictures_.rbegin(); each != pictures_.rend(); ++each) {
    held += (*each)->given_up_at != 0 ? 1U : 0U;
    if (held > limits::snapshot_exports_held_max && (*each)->given_up_at != 0) {
      (*each)->given_up_at = now; // newer ones are worth more
    }
  }
  const std::vector<std::shared_ptr<picture>> all = pictures_;
  for (const std::shared_ptr<picture>& each : all) {
    if (each->given_up_at != 0 && each->given_up_at <= now) {
      each->record->ended("transfer_given_up", "its receiver did not come back");
      drop(each);
    }
  }
  streams_.remove_if([](const auto& each) { return each->now == stream::state::over; });
  start_next();
  if (!streams_.empty() || !pictures_.empty()) {
    keep_ticking();
  }
}

void snapshot_sender::look_at(stream& which, monotonic_ms now) {
  switch (which.now) {
  case stream::state::silent:
  case stream::state::refused:
    if (now - which.heard_at >= limits::peer_connect_ms) {
      end(which, true, "silent");
    }
    break;
  case stream::state::running:
    pump(which);
    if (now - which.heard_at >= limits::snapshot_hold_ms) {
      end(which, false, "its receiver grants nothing");
      break;
    }
    [[fallthrough]];
  case stream::state::queued:
  case stream::state::opening:
    if (now - which.sent_at >= limits::snapshot_beat_ms) {
      send_wait(which);
    }
    break;
  case stream::state::over: break;
  }
}

} // namespace godwit::cluster
