#include "actors/session/session.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "actors/auth/auth_keys.hpp"
#include "cluster/base/home_loop.hpp"

namespace godwit::actors {
namespace {

/// Gathers the packets of one connection for the edge, which encrypts them together with all others.
class packet_list final : public mtproto::packet_sink {
public:
  explicit packet_list(const known_key& key) : key_(key) {}

  std::span<std::uint8_t> open(std::size_t size) override {
    outgoing_packet& packet = packets_.emplace_back();
    packet.bytes.resize(size);
    packet.key = key_.key;
    auto* const data = reinterpret_cast<std::uint8_t*>(packet.bytes.data());
    for (std::size_t i = 0; i < sizeof(std::uint64_t); ++i) {
      data[i] = static_cast<std::uint8_t>(key_.id.value() >> (8 * i));
    }
    return {data, size};
  }

  std::vector<outgoing_packet> take() { return std::move(packets_); }

private:
  const known_key& key_;
  std::vector<outgoing_packet> packets_;
};

} // namespace

session::session(session_services& services, known_key_ptr key, session_id id, caf::actor self)
    : context_(services, std::move(key), id, std::move(self)),
      subscription_(context_),
      calls_(context_, subscription_),
      timer_([this] { caf::anon_send(context_.self, session_tick{}); }) {
  services.probe.sessions_begun.add();
  services.probe.sessions.add(1);
}

session::~session() {
  context_.services.home.forget(*this);
  context_.services.probe.sessions.add(-1);
}

// --- what comes -----------------------------------------------------------------------------------

void session::packets(session_packets& what) {
  const unix_ms now = context_.services.home.wall();
  for (session_packet& each : what.packets) {
    if (draining_) {
      break; // its client says it again, to the next node
    }
    attach(each.from);
    subscription_.client_spoke();
    context_.machine.receive(each.from->id(), each.message, now, context_.out);
    each.message.body = {};
    if (const auto why = std::exchange(context_.out.close, std::nullopt)) {
      session_probe& probe = context_.services.probe;
      const bool flood = *why == mtproto::close_reason::output_flood;
      (flood ? probe.connections_output_flood : probe.connections_too_bad).add();
      each.from->close(flood ? transport_error::flood : transport_error::none);
    }
  }
  settle();
}

void session::attach(const connection_link_ptr& link) {
  if (context_.link(link->id()) != nullptr) {
    return;
  }
  if (context_.links.size() >= limits::connections_per_session_max) {
    // Not the one that the client speaks on: whoever saw one of its packets can send that again from anywhere.
    const auto at = std::find_if(context_.links.begin(), context_.links.end(), [&](const connection_link_ptr& each) {
      return each->id() != context_.machine.current_connection();
    });
    const connection_link_ptr oldest = *at;
    context_.links.erase(at);
    context_.machine.detach(oldest->id());
    oldest->close();
  }
  context_.links.push_back(link);
  context_.client_here->store(true, std::memory_order_relaxed);
  if (paused_) {
    link->pause();
  }
  if (std::exchange(lingers_until_, 0) != 0) {
    context_.services.host.session_lingers_no_more(*this);
  }
}

void session::connection_gone(mtproto::connection_id which) {
  std::erase_if(context_.links, [&](const connection_link_ptr& each) { return each->id() == which; });
  context_.client_here->store(!context_.links.empty(), std::memory_order_relaxed);
  context_.machine.detach(which);
  if (context_.links.empty() && lingers_until_ == 0) {
    linger();
  }
  settle();
}

void session::linger() {
  // A session that its client never believed in has nothing to keep.
  const cluster::monotonic_ms now = context_.services.home.now();
  lingers_until_ = now + (context_.machine.is_established() ? limits::session_linger_ms : 1);
  paused_ = false;
  count_lingering();
}

void session::count_lingering() {
  context_.services.host.session_lingers(*this, context_.machine.memory_bytes() + sizeof(*this));
}

void session::connection_drained() { settle(); }

void session::replied(cluster::entity_reply& reply) {
  authorization_id ended;
  if (!calls_.replied(reply) && subscription_.replied(reply, ended) && ended != authorization_id{}) {
    forget_login(ended);
    calls_.login_doubted(ended);
  }
  settle();
}

void session::key_refreshed(const actors::key_refreshed& what) {
  if (what.answer == key_answer::unknown) {
    end({.close_connections = true, .why = transport_error::auth_key_not_found});
    return;
  }
  calls_.key_refreshed(what);
  settle();
}

void session::pushed(const cluster::entity_push& what) {
  switch (what.kind) {
  case cluster::push_kind::update: subscription_.update(what); break;
  case cluster::push_kind::gone: subscription_.gone(what); break;
  case cluster::push_kind::ended: return login_ended(what);
  }
  settle();
}

void session::login_ended(const cluster::entity_push& what) {
  const user_id user{static_cast<std::int64_t>(what.from.id.value())};
  const authorization_id which{what.number};
  if (what.from.kind != cluster::entity_kind::user || !subscription_.login_ended(user, which)) {
    return;
  }
  forget_login(which);
  calls_.login_ended(which);
  settle();
  flush();
  close_connections(transport_error::none);
}

void session::forget_login(authorization_id which) {
  // Another session of the key may have said so already, and the key may even be logged in again.
  known_key* const owner = context_.key->permanent();
  if (owner != nullptr && owner->authorization == which) {
    owner->user = {};
    owner->authorization = {};
  }
}

void session::tick() {
  const unix_ms now = context_.services.home.wall();
  context_.machine.tick(now, context_.out);
  subscription_.tick(); // ahead of calls that are made again, but for those that it waits for itself
  calls_.tick();
  settle();
  if (lingers_until_ != 0 && context_.services.home.now() >= lingers_until_ && !std::exchange(leaving_, true)) {
    // Packets may be in the mailbox already: no more come behind this, and whatever is there is seen first.
    context_.services.host.session_leaves(*this);
    caf::anon_send(context_.self, session_last_call{});
  }
}

void session::last_call() {
  leaving_ = false;
  if (lingers_until_ == 0 && context_.services.host.session_returns(*this)) {
    return;
  }
  end({});
}

void session::drain() {
  draining_ = true;
  settle();
}

void session::end_when_answered() {
  if (draining_ && !over_ && context_.machine.calls_in_flight() == 0 && calls_.is_idle()) {
    caf::anon_send(context_.self, session_end{});
  }
}

void session::end(const session_end& how) {
  if (std::exchange(over_, true)) {
    return;
  }
  flush();
  if (how.close_connections) {
    close_connections(how.why);
  } else if (std::exchange(paused_, false)) {
    for (const connection_link_ptr& each : context_.links) {
      each->resume();
    }
  }
  subscription_.leave();
  if (std::exchange(lingers_until_, 0) != 0) {
    context_.services.host.session_lingers_no_more(*this);
  }
}

// --- what follows ---------------------------------------------------------------------------------

void session::settle() {
  // Answers release calls that waited for them, and those may be answered at once.
  while (!context_.out.calls.empty() || !context_.out.events.empty()) {
    auto calls = std::exchange(context_.out.calls, {});
    auto events = std::exchange(context_.out.events, {});
    for (mtproto::call& each : calls) {
      calls_.begin(std::move(each));
    }
    for (const mtproto::session_event& each : events) {
      handle(each);
    }
  }
  calls_.subscribe();
  calls_.go_on();
  subscription_.go_on();
  keep_pace();
  if (calls_.take_key_destroyed()) {
    flush();
    context_.services.host.key_destroyed(context_.key->id);
  }
  if (!context_.links.empty()) {
    context_.services.home.defer(cluster::round_phase::output, *this);
  } else if (lingers_until_ != 0) {
    count_lingering(); // pushes and answers are kept all the while
  }
  arm();
  end_when_answered();
}

void session::handle(const mtproto::session_event& what) {
  using kind = mtproto::session_event::kind;
  switch (what.what) {
  case kind::destroy_session: {
    const bool existed = context_.services.host.destroy_session({context_.id.key, what.session});
    context_.machine.answer_destroy_session(what.connection, what.session, existed);
    break;
  }
  case kind::destroy_auth_key: calls_.destroy_key(what); break;
  case kind::call_dropped: calls_.dropped(what.id); break;
  case kind::connection_timed_out:
    if (connection_link* const link = context_.link(what.connection)) {
      context_.services.probe.connections_timed_out.add();
      link->close();
    }
    break;
  }
}

void session::keep_pace() {
  const bool full = context_.machine.is_full();
  if (full == paused_) {
    return;
  }
  paused_ = full;
  for (const connection_link_ptr& each : context_.links) {
    full ? each->pause() : each->resume();
  }
}

void session::run_deferred() {
  try {
    flush();
    keep_pace();
    arm();
  } catch (const std::exception&) {
    // Not in the actor's turn, which is where failing is dealt with.
    caf::anon_send_exit(context_.self, caf::exit_reason::unhandled_exception);
  }
}

void session::flush() {
  const unix_ms now = context_.services.home.wall();
  for (const connection_link_ptr& each : context_.links) {
    const std::size_t room = each->room();
    if (room == 0 || !context_.machine.has_output(each->id(), now)) {
      continue;
    }
    packet_list packets(*context_.key);
    context_.machine.flush(each->id(), now, packets, room);
    std::vector<outgoing_packet> made = packets.take();
    context_.services.probe.packets_out.add(made.size());
    if (!made.empty()) {
      each->send(std::move(made));
    }
  }
}

std::optional<cluster::monotonic_ms> session::due() const {
  std::optional<cluster::monotonic_ms> first = calls_.due();
  const auto at = [&first](std::optional<cluster::monotonic_ms> time) {
    if (time && (!first || *time < *first)) {
      first = time;
    }
  };
  at(subscription_.due());
  if (lingers_until_ != 0 && !leaving_) {
    at(lingers_until_);
  }
  if (const std::optional<unix_ms> wall = context_.machine.due()) {
    // While its client is too slow, or away, what is due cannot be done: drained() or a packet comes first.
    const connection_link* const current = context_.link(context_.machine.current_connection());
    const bool stuck = current == nullptr || current->room() == 0;
    const unix_ms ahead = std::max<unix_ms>(*wall - context_.services.home.wall(), stuck ? 1000 : 1);
    at(context_.services.home.now() + static_cast<cluster::monotonic_ms>(ahead));
  }
  return first;
}

void session::arm() {
  const auto next = due();
  if (!next) {
    context_.services.home.disarm(timer_);
  } else if (!timer_.armed() || timer_.due() != *next) {
    context_.services.home.arm(timer_, *next);
  }
}

void session::close_connections(transport_error why) {
  for (const connection_link_ptr& each : context_.links) {
    each->close(why);
  }
}

void session::abandon() {
  context_.services.home.disarm(timer_);
  if (std::exchange(lingers_until_, 0) != 0) {
    context_.services.host.session_lingers_no_more(*this);
  }
  if (!over_) {
    close_connections(transport_error::none);
  }
}

bool session::is_of(auth_key_id key) const {
  const known_key* const owner = context_.key->permanent();
  return context_.id.key == key || (owner != nullptr && owner->id == key);
}

session_info session::info() const {
  session_info made;
  made.key = context_.id;
  if (const known_key* const owner = context_.key->permanent()) {
    made.user = owner->user;
    made.authorization = owner->authorization;
    if (const auto& client = context_.machine.client() != nullptr ? context_.machine.client() : owner->client) {
      made.device = client->device_model;
      made.app = client->app_version;
    }
  }
  made.layer = context_.layer();
  made.address = context_.links.empty() ? std::string() : context_.links.back()->address_text();
  made.connections = context_.links.size();
  made.calls_running = context_.machine.calls_in_flight();
  made.memory_bytes = context_.machine.memory_bytes() + sizeof(*this);
  return made;
}

} // namespace godwit::actors
