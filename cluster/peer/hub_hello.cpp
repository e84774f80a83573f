#include <algorithm>
#include <utility>

#include "cluster/peer/hub_core.hpp"

namespace godwit::cluster {
namespace {

/// How long the other side has to read why it was refused.
constexpr std::uint32_t refusal_linger_ms = 1000;
/// What stands in the way of a link is told once in so long.
constexpr std::uint32_t tell_again_ms = 60'000;
constexpr std::size_t told_max = 64;

} // namespace

// --- sessions -----------------------------------------------------------------------------------------

void peer_session::opened(node_id certified_as) { hub.opened(*this, certified_as); }
void peer_session::received(persistence::slice frame) { hub.received(*this, frame); }
void peer_session::writable() { hub.writable(*this); }
void peer_session::closed(const std::string& why) { hub.closed(*this, why); }

void hub_core::opened(peer_session& which, node_id certified) {
  if (which.stage != session_stage::opening) {
    return;
  }
  which.stage = session_stage::greeting;
  which.certified = certified;
  send_hello(which, own_);
}

void hub_core::closed(peer_session& which, const std::string& why) {
  switch (which.stage) {
  case session_stage::ended: return;
  case session_stage::opening: end(which, "no connection to " + name_of(which) + ": " + why); return;
  case session_stage::up: end(which, "the connection ended: " + why); return;
  default: break;
  }
  const std::string text = name_of(which) + " closed the connection before it was a link: " + why;
  if (which.dialled || which.said) {
    end(which, text);
    return;
  }
  // Given up before it said anything: after a cut, what came meanwhile arrives late. It has a link by another, or dials.
  log::debug(peer_log, "given_up", {{"node", which.certified}, {"reason", text}});
  end(which, text, fault::none);
}

void hub_core::send_hello(peer_session& to, const peer_hello& says) {
  if (to.connection) {
    to.connection->send_first(lone_envelope(envelope_kind::hello, encode_hello(says)));
  }
}

void hub_core::on_hello(peer_session& from, const peer_hello& says) {
  if (const auto* greeting = std::get_if<peer_greeting>(&says)) {
    on_greeting(from, *greeting);
  } else if (const auto* agreement = std::get_if<peer_agreement>(&says)) {
    on_agreement(from, *agreement);
  } else if (const auto* welcome = std::get_if<peer_welcome>(&says)) {
    on_welcome(from, *welcome);
  } else if (const auto* refused = std::get_if<peer_refusal>(&says)) {
    on_refusal(from, *refused);
  }
}

// --- the hello ----------------------------------------------------------------------------------------

void hub_core::on_greeting(peer_session& from, const peer_greeting& said) {
  if (from.stage != session_stage::greeting) {
    end(from, name_of(from) + " said hello out of turn: bring both nodes to one version of the program",
        fault::lasting);
    return;
  }
  greeting_context context;
  context.own = &own_;
  context.certified = from.certified;
  context.expected = from.expected;
  if (const peer_link* const known = find(said.node)) {
    context.newest_incarnation = known->newest_incarnation;
    context.newest_process = known->newest_process;
  }
  refusal why = judge(said, context);
  from.said = said;
  peer_link* const link = why == refusal::none ? find_or_add(said.node) : nullptr;
  if (why == refusal::none && link == nullptr) {
    why = refusal::too_many;
  }
  if (why != refusal::none) {
    refuse(from, why);
    return;
  }
  if (link->current && said.incarnation > link->newest_incarnation) {
    // Nothing that its earlier process has sent is delivered from here on.
    end(*session_ptr(link->current), "node " + std::to_string(said.node.value()) + " was started anew");
    if (from.stage != session_stage::greeting) {
      return;
    }
  }
  link->newest_incarnation = said.incarnation;
  link->newest_process = said.process;
  if (!link->named) {
    link->address = said.address;
  }
  if (from.seed) {
    from.seed->learned = said.node;
  }
  from.stage = session_stage::agreeing;
  loop_.arm(from.deadline, loop_.now() + limits::peer_connect_ms);
  if (options_.self < said.node) {
    send_hello(from, peer_agreement{link->current ? 0 : link->lost_number});
  }
}

void hub_core::on_agreement(peer_session& from, const peer_agreement& said) {
  peer_link* const link = from.said ? find(from.said->node) : nullptr;
  if (from.stage != session_stage::agreeing || link == nullptr || options_.self < link->node) {
    end(from, name_of(from) + " said hello out of turn: bring both nodes to one version of the program",
        fault::lasting);
    return;
  }
  if (from.said->incarnation != link->newest_incarnation) {
    refuse(from, refusal::older_incarnation); // a later process came between
    return;
  }
  if (link->current) {
    if (said.lost_link != link->number) {
      refuse(from, refusal::duplicate);
      return;
    }
    end(*session_ptr(link->current), "the other node lost the connection");
    if (from.stage != session_stage::agreeing) {
      return;
    }
  }
  const session_ptr attempt = link->attempt;
  if (!from.dialled && attempt && attempt.get() != &from &&
      (attempt->stage == session_stage::greeting || attempt->stage == session_stage::agreeing)) {
    from.stage = session_stage::held;
    return;
  }
  choose(from);
}

void hub_core::choose(peer_session& which) {
  const std::uint64_t number = ++last_link_;
  send_hello(which, peer_welcome{number});
  if (which.stage != session_stage::ended) {
    link_up(which, number);
  }
}

void hub_core::on_welcome(peer_session& from, const peer_welcome& said) {
  peer_link* const link = from.said ? find(from.said->node) : nullptr;
  if (from.stage != session_stage::agreeing || link == nullptr || link->node < options_.self) {
    end(from, name_of(from) + " said hello out of turn: bring both nodes to one version of the program",
        fault::lasting);
    return;
  }
  if (from.said->incarnation != link->newest_incarnation) {
    refuse(from, refusal::older_incarnation);
    return;
  }
  if (link->current) {
    end(*session_ptr(link->current), "the other node chose another connection");
    if (from.stage != session_stage::agreeing) {
      return;
    }
  }
  link_up(from, said.link);
}

void hub_core::refuse(peer_session& which, refusal why) {
  if (why == refusal::itself) {
    if (which.seed) {
      which.seed->own = true;
    }
    end(which, describe(why, false, name_of(which), &*which.said), fault::none);
    return;
  }
  if (which.stage == session_stage::refused || which.stage == session_stage::ended) {
    return;
  }
  send_hello(which, peer_refusal{why});
  if (which.stage == session_stage::ended) {
    return;
  }
  which.stage = session_stage::refused;
  loop_.arm(which.deadline, loop_.now() + refusal_linger_ms);
  if (why == refusal::duplicate) {
    return;
  }
  const std::string text = describe(why, false, name_of(which), which.said ? &*which.said : nullptr);
  note_trouble(which, text, true);
}

/// What came on a link cannot be read. The other side is told, so that its operator looks for the same.
void hub_core::refuse_link(node_id which, const std::string& what) {
  peer_link* const link = find(which);
  if (link == nullptr || !link->current) {
    return;
  }
  const session_ptr session = link->current;
  send_hello(*session, peer_refusal{refusal::unreadable});
  if (session->stage != session_stage::up) {
    return;
  }
  session->stage = session_stage::refused;
  loop_.arm(session->deadline, loop_.now() + refusal_linger_ms);
  link->hopeless = false;
  link_down(*link, describe(refusal::unreadable, false, name_of(*session), &*session->said) + " (" + what + ")");
  next_for(link);
}

/// What waited for the outcome of a connection that is no more has its turn.
void hub_core::next_for(const peer_link* link) {
  if (stopped_) {
    return;
  }
  if (link != nullptr && !link->current) {
    const auto held = std::find_if(sessions_.begin(), sessions_.end(), [&](const auto& each) {
      return each.second->stage == session_stage::held && each.second->said->node == link->node;
    });
    if (held != sessions_.end()) {
      choose(*session_ptr(held->second));
    }
  }
  arrange();
}

void hub_core::on_refusal(peer_session& from, const peer_refusal& said) {
  if (said.why == refusal::duplicate || said.why == refusal::itself) {
    end(from, describe(said.why, true, name_of(from), from.said ? &*from.said : nullptr), fault::none);
    return;
  }
  const std::string text = describe(said.why, true, name_of(from), from.said ? &*from.said : nullptr);
  // What this node has against the other one, if it has anything, was told already.
  const fault is = said.why == refusal::unreadable ? fault::passing : fault::lasting;
  end(from, text, from.stage == session_stage::refused ? fault::none : is);
}

// --- links --------------------------------------------------------------------------------------------

void hub_core::link_up(peer_session& with, std::uint64_t number) {
  peer_link& link = *find(with.said->node);
  const session_ptr session = sessions_.at(with.id);
  session->stage = session_stage::up;
  loop_.disarm(session->deadline);
  link.current = session;
  link.number = number;
  link.trouble.clear();
  link.hopeless = false;
  link.up_since = link.heard_at = loop_.now();
  link.clear_traffic();
  link.last_beat_us = link.last_beat_at = 0;
  link.beat_answered = link.clock_known = false;
  link.round_trip_us = 0;
  ++link.times_up;
  if (link.attempt == session) {
    link.attempt.reset();
  }
  if (session->seed) {
    session->seed->attempt.reset();
    session->seed->failures = 0;
    session->seed->trouble.clear();
  }
  {
    const std::lock_guard lock(link.outlet->mutex);
    link.outlet->clear();
    link.outlet->open = true;
    link.outlet->incarnation.store(session->said->incarnation, std::memory_order_relaxed);
    link.outlet->up.store(true, std::memory_order_release);
  }
  std::vector<session_ptr> others;
  for (const auto& [id, other] : sessions_) {
    const bool same = (other->said && other->said->node == link.node) || other == link.attempt;
    if (same && other != session && other->stage != session_stage::refused) {
      others.push_back(other);
    }
  }
  for (const session_ptr& other : others) {
    end(*other, "there is a link already", fault::none);
  }
  log::info(peer_log, "link_up",
            {{"node", link.node},
             {"incarnation", session->said->incarnation},
             {"wire", *common_version(session->said->wire, own_.wire)},
             {"dialled", session->dialled}});
  send_beat(link);
  unpublished_ = true;
  loop_.defer(round_phase::output, flush_task_);
  arrange();
  for (const peer_hub::listener& each : listeners) {
    if (link.current == session) {
      each(link.node, true);
    }
  }
}

void hub_core::link_down(peer_link& link, const std::string& why) {
  {
    const std::lock_guard lock(link.outlet->mutex);
    link.outlet->up.store(false, std::memory_order_release);
    link.outlet->open = false;
    link.outlet->clear();
  }
  // One that lasted is dialled again at once; one that did not is not hammered.
  link.failures = loop_.now() - link.up_since >= limits::peer_redial_ms_max ? 0 : link.failures + 1;
  link.current.reset();
  link.lost_number = link.number;
  link.clear_traffic();
  link.clock_known = false;
  link.trouble = why;
  loop_.disarm(link.beat);
  log::warning(peer_log, "link_down", {{"node", link.node}, {"reason", why}});
  unpublished_ = true;
  loop_.defer(round_phase::output, flush_task_);
  for (const peer_hub::listener& each : listeners) {
    each(link.node, false);
  }
}

void hub_core::note_trouble(peer_session& with, const std::string& why, bool hopeless) {
  node_id node = with.expected;
  if (node == persistence::no_node && with.said) {
    node = with.said->node;
  }
  if (news(why)) {
    log::write(peer_log, hopeless ? log::level::error : log::level::warning, "no_link",
               {{"node", node}, {"reason", why}});
  }
  peer_link* const link = find(node);
  if (link != nullptr && !link->current) {
    link->trouble = why;
    link->hopeless = with.dialled ? hopeless : link->hopeless;
  }
  if (with.seed) {
    with.seed->trouble = why;
    with.seed->hopeless = hopeless;
  }
  unpublished_ = true;
  loop_.defer(round_phase::output, flush_task_);
}

bool hub_core::news(const std::string& text) {
  const monotonic_ms now = loop_.now();
  if (told_.size() >= told_max) {
    std::erase_if(told_, [&](const auto& each) { return now - each.second >= tell_again_ms; });
  }
  const auto found = told_.find(text);
  if (found != told_.end() && now - found->second < tell_again_ms) {
    return false;
  }
  if (found == told_.end() && told_.size() >= told_max) {
    return false;
  }
  told_[text] = now;
  return true;
}

void hub_core::forget_session(peer_session& which) {
  const auto found = sessions_.find(which.id);
  if (found != sessions_.end()) {
    graveyard_.push_back(std::move(found->second));
    sessions_.erase(found);
    loop_.defer(round_phase::output, flush_task_);
  }
}

void hub_core::end(peer_session& which, const std::string& why, fault is) {
  if (which.stage == session_stage::ended) {
    return;
  }
  const session_stage before = std::exchange(which.stage, session_stage::ended);
  loop_.disarm(which.deadline);
  forget_session(which);
  peer_link* link = find(which.expected);
  if (link != nullptr && link->attempt.get() == &which) {
    link->attempt.reset();
    ++link->failures;
  }
  if (which.seed && which.seed->attempt.get() == &which) {
    which.seed->attempt.reset();
    ++which.seed->failures;
  }
  if (which.said) {
    link = find(which.said->node);
  }
  if (before == session_stage::up && link != nullptr && link->current.get() == &which) {
    link->hopeless = is == fault::lasting;
    link_down(*link, why);
  } else if (before != session_stage::refused && is != fault::none) {
    note_trouble(which, why, is == fault::lasting);
  }
  next_for(link);
}

} // namespace godwit::cluster
