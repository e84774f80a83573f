#include <algorithm>
#include <utility>

#include "cluster/peer/hub_core.hpp"

namespace godwit::cluster {
namespace {

/// A beat that took longer says too little about the other clock.
constexpr std::uint64_t clock_round_trip_us_max = 1'000'000;

std::string garbage_from(const std::string& name) {
  return name +
         " sent what is no frame of this protocol: see that a node of this cluster listens there, and bring both "
         "nodes to one version of the program";
}

} // namespace

void peer_outlet::clear() {
  queued.store(0, std::memory_order_relaxed);
  staged_gone.store(0, std::memory_order_relaxed);
  staged.clear();
  staged_first.clear();
  staged_in = 0;
  streams.clear();
}

void peer_link::clear_traffic() {
  first.clear();
  waiting.clear();
  overflow = false;
  in_order = 0;
  streams.clear();
  taken.clear();
  sent_counted = handled_there = handled_here = handled_told = 0;
}

// --- sending ------------------------------------------------------------------------------------------

bool hub_core::send(node_id to, envelope_kind what, const peer_hub::body_writer& write, peer_order how) {
  if (loop_.on_loop()) {
    return send_here(to, what, write, how);
  }
  const auto outlet = this->outlet(to);
  if (outlet == nullptr || !outlet->up.load(std::memory_order_acquire)) {
    return false;
  }
  thread_local std::string body;
  body.clear();
  write(body);
  bool posts = false;
  bool taken = false;
  {
    const std::lock_guard lock(outlet->mutex);
    if (!outlet->open) {
      return false;
    }
    const auto last = outlet->streams.find(how.stream);
    const bool first = how.first && (last == outlet->streams.end() || last->second <= outlet->staged_gone);
    envelope_batch& into = first ? outlet->staged_first : outlet->staged;
    const std::size_t staged = outlet->staged.bytes();
    const std::size_t before = staged + outlet->staged_first.bytes() + outlet->queued.load(std::memory_order_relaxed);
    taken = before <= limits::peer_queue_bytes_max && into.append(what, [](std::string& out) { out += body; });
    outlet->staged_in += outlet->staged.bytes() - staged;
    if (taken && !first && how.stream != 0) {
      outlet->streams[how.stream] = outlet->staged_in;
    }
    posts = !std::exchange(outlet->posted, true);
  }
  if (body.capacity() > limits::peer_frame_bytes) {
    std::string().swap(body);
  }
  if (posts) {
    post([to](hub_core& hub) { hub.take_staged(to); });
  }
  return taken;
}

bool hub_core::send_here(node_id to, envelope_kind what, const peer_hub::body_writer& write, peer_order how) {
  peer_link* const link = find(to);
  if (link == nullptr || !link->current) {
    return false;
  }
  want_flush(*link);
  if (queued(*link) > limits::peer_queue_bytes_max) {
    link->overflow = true;
    return false;
  }
  const auto last = how.first ? link->streams.find(how.stream) : link->streams.end();
  if (how.first && (last == link->streams.end() || last->second <= gone(*link))) {
    return link->first.append(what, write);
  }
  const std::size_t before = link->waiting.bytes();
  const bool taken = link->waiting.append(what, write);
  link->in_order += link->waiting.bytes() - before;
  if (taken && how.stream != 0) {
    link->streams[how.stream] = link->in_order;
  }
  return taken;
}

void hub_core::take_staged(node_id which) {
  peer_link* const link = find(which);
  const auto outlet = link != nullptr ? link->outlet : nullptr;
  if (outlet == nullptr || stopped_) {
    return;
  }
  {
    const std::lock_guard lock(outlet->mutex);
    outlet->posted = false;
    if (!link->current) {
      outlet->clear();
      return;
    }
    link->first.append(std::move(outlet->staged_first));
    if (!outlet->staged.empty()) {
      link->in_order += outlet->staged.bytes();
      link->taken.emplace_back(link->in_order, outlet->staged_in);
      link->waiting.append(std::move(outlet->staged));
    }
  }
  want_flush(*link);
}

std::size_t hub_core::queued(const peer_link& link) const {
  return link.first.bytes() + link.waiting.bytes() +
         (link.current && link.current->connection ? link.current->connection->queued_bytes() : 0);
}

/// Of what was ever put into `waiting`: that the kernel took, at least.
std::uint64_t hub_core::gone(const peer_link& link) const {
  return link.in_order - std::min<std::uint64_t>(link.in_order, queued(link));
}

void hub_core::want_flush(peer_link& link) {
  if (!link.dirty) {
    link.dirty = true;
    dirty_.push_back(link.node.value());
    loop_.defer(round_phase::output, flush_task_);
  }
}

void hub_core::flush() {
  const std::vector<std::uint64_t> now = std::exchange(dirty_, {});
  for (const std::uint64_t node : now) {
    peer_link* const link = find(node_id(node));
    if (link == nullptr) {
      continue;
    }
    link->dirty = false;
    pump(*link);
  }
  // Nobody is inside of them by now: what calls into a connection has returned.
  std::exchange(graveyard_, {}).clear();
  if (unpublished_) {
    publish();
  }
}

void hub_core::pump(peer_link& link) {
  const session_ptr session = link.current;
  const std::size_t all = link.first.bytes() + link.waiting.bytes();
  if (session && session->connection->queued_bytes() == 0 && all <= limits::peer_frame_bytes &&
      link.sent_counted - link.handled_there + all <= limits::peer_credit_bytes) {
    link.first.append(std::move(link.waiting)); // nothing is ahead of it: one frame for both
  }
  while (session && link.current == session && !link.first.empty()) {
    link.sent_counted += link.first.front_bytes();
    link.bytes_sent += link.first.front_bytes();
    session->connection->send_first(link.first.take_front());
  }
  while (session && link.current == session && !link.waiting.empty()) {
    const std::uint64_t under_way = link.sent_counted - link.handled_there;
    const std::size_t next = link.waiting.front_bytes();
    if (under_way != 0 && under_way + next > limits::peer_credit_bytes) {
      break;
    }
    link.sent_counted += next;
    link.bytes_sent += next;
    session->connection->send(link.waiting.take_front());
  }
  if (!link.current || link.current != session) {
    return;
  }
  const std::size_t left = queued(link);
  link.outlet->queued.store(left, std::memory_order_relaxed);
  for (const std::uint64_t left_until = gone(link); !link.taken.empty() && link.taken.front().first <= left_until;) {
    link.outlet->staged_gone.store(link.taken.front().second, std::memory_order_relaxed);
    link.taken.pop_front();
  }
  if (link.overflow || left > limits::peer_queue_bytes_max) {
    end(*session, "node " + std::to_string(link.node.value()) +
                    " does not take what is sent to it: its process or the network between the nodes is too slow, or "
                    "stopped");
  }
}

void hub_core::writable(peer_session& which) {
  peer_link* const link = which.said ? find(which.said->node) : nullptr;
  if (link != nullptr && link->current.get() == &which) {
    want_flush(*link);
  }
}

// --- receiving ----------------------------------------------------------------------------------------

void hub_core::received(peer_session& which, const persistence::slice& frame) {
  if (which.stage == session_stage::ended || which.stage == session_stage::opening) {
    return;
  }
  const auto found = sessions_.find(which.id);
  if (found == sessions_.end()) {
    return;
  }
  const session_ptr session = found->second;
  if (!envelope_reader::whole(frame)) {
    end(which, garbage_from(name_of(which)), fault::lasting);
    return;
  }
  envelope_reader reader(frame);
  const auto first = reader.next();
  if (first->kind == static_cast<std::uint8_t>(envelope_kind::hello)) {
    const auto says = decode_hello(first->body.view());
    const bool refusal_only = which.stage == session_stage::refused;
    if (!says) {
      end(which, garbage_from(name_of(which)), fault::lasting);
    } else if (!refusal_only || std::holds_alternative<peer_refusal>(*says)) {
      on_hello(which, *says);
    }
    return;
  }
  if (which.stage == session_stage::refused) {
    return;
  }
  peer_link* const link = which.said ? find(which.said->node) : nullptr;
  if (which.stage != session_stage::up || link == nullptr || link->current.get() != &which) {
    end(which, garbage_from(name_of(which)), fault::lasting);
    return;
  }
  link->heard_at = loop_.now();
  link->bytes_received += frame.size();
  if (first->kind != static_cast<std::uint8_t>(envelope_kind::beat)) {
    on_frame(*link, session, frame);
    return;
  }
  const auto beat = decode_beat(first->body.view());
  if (!beat || beat->handled_bytes < link->handled_there || beat->handled_bytes > link->sent_counted) {
    end(which, garbage_from(name_of(which)), fault::lasting);
    return;
  }
  on_beat(*link, *beat);
}

void hub_core::on_frame(peer_link& link, const session_ptr& from, const persistence::slice& frame) {
  envelope_reader reader(frame);
  while (const auto each = reader.next()) {
    // A kind without a receiver is one of a later version: whoever sends it does not count on it.
    if (const peer_hub::receiver& who = receivers[each->kind]) {
      who(link.node, each->body);
    }
    if (link.current != from) {
      return;
    }
  }
  link.handled_here += frame.size();
  if (link.handled_here - link.handled_told >= limits::peer_credit_bytes / 4) {
    send_beat(link);
  }
}

// --- beats --------------------------------------------------------------------------------------------

std::uint64_t hub_core::clock_us() const { return options_.clock_us ? options_.clock_us() : loop_.now() * 1000; }

void hub_core::send_beat(peer_link& link) {
  peer_beat beat;
  beat.sent_us = clock_us();
  beat.wall = options_.wall ? options_.wall() : loop_.wall();
  beat.echo_us = link.last_beat_us;
  beat.held_us = link.last_beat_us == 0 ? 0 : beat.sent_us - std::min(link.last_beat_at, beat.sent_us);
  beat.handled_bytes = link.handled_told = link.handled_here;
  loop_.arm(link.beat, loop_.now() + limits::peer_beat_ms);
  std::string frame = lone_envelope(envelope_kind::beat, encode_beat(beat));
  link.bytes_sent += frame.size();
  link.current->connection->send_first(std::move(frame));
}

void hub_core::on_beat(peer_link& link, const peer_beat& beat) {
  const std::uint64_t now = clock_us();
  link.last_beat_us = beat.sent_us;
  link.last_beat_at = now;
  if (beat.handled_bytes != link.handled_there) {
    link.handled_there = beat.handled_bytes;
    want_flush(link);
  }
  // Ours came back after its stay there. One that is not ours, or is later than now, says nothing.
  if (beat.echo_us != 0 && beat.echo_us <= now && beat.held_us <= now - beat.echo_us) {
    link.round_trip_us = now - beat.echo_us - beat.held_us;
    if (link.round_trip_us <= clock_round_trip_us_max) {
      const unix_ms own = options_.wall ? options_.wall() : loop_.wall();
      link.clock_ahead_ms = beat.wall + static_cast<unix_ms>(link.round_trip_us / 2000) - own;
      link.clock_known = true;
    }
  }
  if (!std::exchange(link.beat_answered, true)) {
    send_beat(link); // so that the other side knows its round trip, and this node's clock, at once
  }
}

void hub_core::beat_rang(node_id which) {
  peer_link* const link = find(which);
  if (link == nullptr || !link->current) {
    return;
  }
  if (loop_.now() - link->heard_at >= limits::peer_silence_ms) {
    end(*session_ptr(link->current), "node " + std::to_string(which.value()) + " at " + name_of(*link->current) +
                                       " is silent: its process is dead or stopped, or the network between the nodes "
                                       "is cut");
    return;
  }
  send_beat(*link);
  want_flush(*link);
}

} // namespace godwit::cluster
