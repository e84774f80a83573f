#include "cluster/route/cluster_router.hpp"

#include <caf/actor_system.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cluster/route/ask_watch.hpp"
#include "cluster/route/lane_codec.hpp"
#include "cluster/route/leader_words.hpp"
#include "cluster/route/remote_askers.hpp"
#include "cluster/route/request_board.hpp"
#include "cluster/route/request_codec.hpp"
#include "cluster/route/route_log.hpp"
#include "cluster/route/subscriptions.hpp"

namespace godwit::cluster {

using persistence::no_node;
using persistence::slice;

namespace {

/// Nodes that send a message of a lane on, before it has to arrive.
constexpr std::uint8_t lane_hops_max = 2;

} // namespace

struct cluster_router::impl : std::enable_shared_from_this<cluster_router::impl> {
  impl(caf::actor_system& in, envelope_port& to, leader_board& leaders, options with);

  /// Something for the loop of the links, from another thread.
  struct errand {
    entity_request_ptr request;
    std::optional<lane_message> lane;
    shard_id shard; ///< with neither: its leader
  };

  void listen();
  template <class Decoded, class Then>
  void take(envelope_kind kind, std::optional<Decoded> (*decode)(std::string_view), Then then);

  void run(errand what);
  void run_errands();
  void route(const entity_request_ptr& request, std::uint8_t hops, monotonic_ms due);
  void relay(const entity_request_ptr& request);
  [[nodiscard]] node_id way(const entity_request& request, shard_id shard, const leadership& led) const;
  void moved(const entity_request_ptr& request, shard_id shard, node_id denied_by, const leadership& told,
             std::uint8_t hops, monotonic_ms due);
  void to_local(const entity_request_ptr& request);
  void link_changed(node_id which, bool up);
  void lane_came(node_id from, lane_envelope what);
  bool send_lane(node_id to, const lane_message& what, std::uint8_t hops);
  [[nodiscard]] bool known(shard_id which) const { return which == meta_shard || which.value() < with.shards; }
  void close();

  envelope_port& port;
  leader_board& board;
  const options with;
  std::atomic<router*> local{nullptr};
  std::atomic<bool> closed{false};
  route_counters counters;

  // on the loop of the links
  leader_words words;
  subscriptions listening;
  request_board pending;
  remote_askers askers;
  caf::actor_system& system;
  caf::actor watch;

  std::mutex mutex;
  std::vector<errand> errands; ///< under the mutex
};

cluster_router::impl::impl(caf::actor_system& in, envelope_port& to, leader_board& leaders, options of)
    : port(to),
      board(leaders),
      with(of),
      words(to, leaders, of.self, of.shards),
      listening({[this](node_id node, const listener_gone& what) {
                   (void)port.send(node, envelope_kind::listener_gone,
                                   [&](std::string& out) { encode_listener_gone(out, what); });
                 },
                 [this](const caf::actor& asker) {
                   caf::anon_send(watch, watch_asker{asker, true});
                 },
                 [this](const caf::actor& asker) {
                   caf::anon_send(watch, watch_asker{asker, false});
                 }},
                counters),
      pending(to, {of.request_timeout_ms, of.pending_max, (of.incarnation << 32) + 1},
              {[this](std::uint64_t number, const entity_request& request, shard_id shard, const leadership& led,
                      node_id via) { return listening.begin(number, request, shard, led, via); },
               [this](std::uint64_t number) { listening.end(number); },
               [this](const entity_request_ptr& request, shard_id shard, node_id denied_by, const leadership& told,
                      std::uint8_t hops, monotonic_ms due) { moved(request, shard, denied_by, told, hops, due); }},
              counters),
      askers(in, to, {of.taken_max, of.listeners_max, of.hops_max}, counters),
      system(in) {}

/// Whatever calls back holds the router only for the call.
void cluster_router::impl::listen() {
  const std::weak_ptr<impl> weak = weak_from_this();
  watch = system.spawn<ask_watch>(std::ref(port.loop()), [weak](caf::actor_id which) {
    if (const auto self = weak.lock()) {
      self->listening.asker_gone(which);
    }
  });
  board.on_change([weak](shard_id shard, const leadership&) {
    if (const auto self = weak.lock()) {
      self->run({nullptr, std::nullopt, shard});
    }
  });
  port.on_change([weak](node_id which, bool up) {
    if (const auto self = weak.lock()) {
      self->link_changed(which, up);
    }
  });
  take(envelope_kind::request, decode_request, [](impl& self, node_id from, request_envelope what) {
    const bool further = what.relay;
    self.askers.take(from, std::move(what), [&self, further](const entity_request_ptr& request) {
      further ? self.relay(request) : self.to_local(request);
    });
  });
  take(envelope_kind::reply, decode_reply,
       [](impl& self, node_id from, entity_reply what) { self.pending.replied(from, std::move(what)); });
  take(envelope_kind::push, decode_push,
       [](impl& self, node_id from, entity_push what) { self.listening.push(from, std::move(what)); });
  take(envelope_kind::listener_gone, decode_listener_gone,
       [](impl& self, node_id from, const listener_gone& what) { self.askers.gone(from, what); });
  take(envelope_kind::lane, decode_lane,
       [](impl& self, node_id from, lane_envelope what) { self.lane_came(from, std::move(what)); });
  take(envelope_kind::leaders, decode_leaders,
       [](impl& self, node_id from, const std::vector<leader_note>& led) { self.words.told(from, led); });
}

template <class Decoded, class Then>
void cluster_router::impl::take(envelope_kind kind, std::optional<Decoded> (*decode)(std::string_view), Then then) {
  port.on(kind, [weak = weak_from_this(), kind, decode, then](node_id from, const slice& body) {
    static log::site unreadable{};
    const auto self = weak.lock();
    if (!self || self->closed) {
      return;
    }
    std::optional<Decoded> what = decode(body.view());
    if (what) {
      then(*self, from, std::move(*what));
      return;
    }
    self->counters.garbage.add();
    log::warning(unreadable, route_log, "envelope_unreadable",
                 {{"node", from}, {"kind", static_cast<std::uint32_t>(kind)}, {"remedy", remedy}});
    // What it was about is lost, and whoever waits for it would wait in vain: a link that ends is heard of.
    self->port.refuse(from, "an envelope of kind " + std::to_string(static_cast<unsigned>(kind)));
  });
}

// --- what other threads have ------------------------------------------------------------------------

void cluster_router::impl::run(errand what) {
  bool first = false;
  {
    const std::lock_guard lock(mutex);
    first = errands.empty();
    errands.push_back(std::move(what));
  }
  if (first) {
    port.loop().post([self = shared_from_this()] { self->run_errands(); });
  }
}

void cluster_router::impl::run_errands() {
  std::vector<errand> taken;
  {
    const std::lock_guard lock(mutex);
    taken.swap(errands);
  }
  std::vector<shard_id> changed;
  for (const errand& each : taken) {
    if (each.request) {
      route(each.request, 0, 0);
    } else if (each.lane) {
      const leadership led = board.find(each.lane->to);
      const bool sent = led.node != with.self && send_lane(words.way(each.lane->to, led), *each.lane, 0);
      (sent ? counters.lanes_sent : counters.lanes_lost).add();
    } else {
      listening.leader_known(each.shard, board.find(each.shard));
      changed.push_back(each.shard);
    }
  }
  if (!changed.empty() && !closed) {
    words.changed(changed);
  }
}

// --- requests ---------------------------------------------------------------------------------------

void cluster_router::impl::to_local(const entity_request_ptr& request) {
  if (router* const to = local) {
    to->send(request);
  } else {
    pending.refuse(request);
  }
}

/// On the loop of the links.
void cluster_router::impl::route(const entity_request_ptr& request, std::uint8_t hops, monotonic_ms due) {
  const shard_id shard = shard_of(request->to, with.shards);
  const leadership led = board.find(shard);
  if (led.node == no_node || led.node == with.self || led.node == request->origin) {
    to_local(request); // which keeps it until somebody leads, works on it, or says who leads
  } else if (closed) {
    pending.refuse(request);
  } else if (const node_id by = way(*request, shard, led); by != no_node) {
    pending.send(request, shard, led, by, hops, due);
  } else if (request->origin != no_node) {
    pending.refuse(request);
  } else {
    board.lost(shard, led); // whom nobody reaches; it waits
    to_local(request);
  }
}

/// no_node: there is none. Whoever listens by way of another node asks by it, too, so that answers and pushes keep
/// their order; until it listens anew. What came from another node goes straight to the leader or nowhere.
node_id cluster_router::impl::way(const entity_request& request, shard_id shard, const leadership& led) const {
  if (request.origin != no_node) {
    return port.up(led.node) ? led.node : no_node;
  }
  const node_id held = request.listens ? no_node : listening.way(request, led);
  return held != no_node && port.up(held) ? held : words.way(shard, led);
}

/// Another node asked for it to be sent on: it has no link to the leader.
void cluster_router::impl::relay(const entity_request_ptr& request) {
  const leadership led = board.find(shard_of(request->to, with.shards));
  if (led.node != no_node && led.node != with.self && led.node != request->origin) {
    counters.relayed.add();
  }
  route(request, static_cast<std::uint8_t>(request->hops + 1), 0);
}

void cluster_router::impl::moved(const entity_request_ptr& request, shard_id shard, node_id denied_by,
                                 const leadership& told, std::uint8_t hops, monotonic_ms due) {
  if (told.node != no_node) {
    board.note(shard, told);
  }
  const bool no_wiser = board.find(shard).node == denied_by;
  const bool late = due != 0 && due <= port.loop().now();
  if (no_wiser || late || request->unwanted() || hops >= with.hops_max) {
    pending.refuse(request);
  } else {
    route(request, static_cast<std::uint8_t>(hops + 1), due);
  }
}

// --- leaders and links --------------------------------------------------------------------------------

void cluster_router::impl::link_changed(node_id which, bool up) {
  if (closed) {
    return;
  }
  if (!up) {
    words.link_down(which); // first: whoever is refused asks again at once
    pending.link_down(which);
    listening.link_down(which);
    askers.link_down(which);
    return;
  }
  words.link_up(which);
}

bool cluster_router::impl::send_lane(node_id to, const lane_message& what, std::uint8_t hops) {
  return !closed && to != no_node &&
         port.send(to, envelope_kind::lane, [&](std::string& out) { encode_lane(out, what, hops); });
}

void cluster_router::impl::lane_came(node_id from, lane_envelope came) {
  counters.lanes_received.add();
  if (!known(came.what.from) || !known(came.what.to)) {
    return;
  }
  const leadership led = board.find(came.what.to);
  const bool elsewhere = led.node != no_node && led.node != with.self && led.node != from;
  if (elsewhere && came.hops < lane_hops_max && port.up(led.node)) {
    counters.lanes_relayed.add();
    (void)send_lane(led.node, came.what, static_cast<std::uint8_t>(came.hops + 1));
  } else if (router* const to = local) {
    to->send_lane(std::move(came.what));
  }
}

void cluster_router::impl::close() {
  if (closed.exchange(true)) {
    return;
  }
  pending.end_all();
  listening.end_all();
  askers.end_all();
  caf::anon_send_exit(std::exchange(watch, nullptr), caf::exit_reason::user_shutdown);
}

// --- cluster_router ---------------------------------------------------------------------------------

cluster_router::cluster_router(caf::actor_system& system, envelope_port& port, leader_board& board, options with)
    : impl_(std::make_shared<impl>(system, port, board, with)) {
  impl_->listen();
}

cluster_router::~cluster_router() {
  if (!impl_->closed.exchange(true)) {
    caf::anon_send_exit(impl_->watch, caf::exit_reason::user_shutdown);
  }
}

void cluster_router::attach(router& local) { impl_->local = &local; }

void cluster_router::close(std::function<void()> done) {
  impl_->port.loop().post([self = impl_, done = std::move(done)] {
    self->close();
    if (done) {
      done();
    }
  });
}

void cluster_router::send(entity_request_ptr request) {
  impl& own = *impl_;
  const leadership led = own.board.find(shard_of(request->to, own.with.shards));
  if (led.node == no_node || led.node == own.with.self) {
    own.to_local(request);
  } else if (own.port.loop().on_loop()) {
    own.route(request, 0, 0);
  } else {
    own.run({std::move(request), std::nullopt, {}});
  }
}

void cluster_router::send_lane(lane_message what) {
  impl& own = *impl_;
  const leadership led = own.board.find(what.to);
  if (led.node == no_node || led.node == own.with.self) {
    if (router* const to = own.local) {
      to->send_lane(std::move(what));
    }
    return;
  }
  if (!own.closed && !own.port.up(led.node)) {
    own.run({nullptr, std::move(what), {}}); // by way of another node
    return;
  }
  (own.send_lane(led.node, what, 0) ? own.counters.lanes_sent : own.counters.lanes_lost).add();
}

std::uint64_t cluster_router::way_to(const entity_ref& which) const {
  constexpr unsigned term_bits = 52; // as on the board
  const leadership led = impl_->board.find(shard_of(which, impl_->with.shards));
  return led.node.value() << term_bits ^ led.term;
}

std::uint16_t cluster_router::shards() const { return impl_->with.shards; }
const route_counters& cluster_router::counters() const { return impl_->counters; }

} // namespace godwit::cluster
