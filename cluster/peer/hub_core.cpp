#include "cluster/peer/hub_core.hpp"

#include <algorithm>
#include <utility>

namespace godwit::cluster {
namespace {

/// SplitMix64.
std::uint64_t next_random(std::uint64_t& state) {
  state += 0x9e3779b97f4a7c15ULL;
  std::uint64_t mixed = state;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9ULL;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebULL;
  return mixed ^ (mixed >> 31);
}

peer_greeting greeting_of(const peer_hub::options& with) {
  peer_greeting made;
  made.node = with.self;
  made.cluster_id = with.cluster_id;
  made.incarnation = with.incarnation;
  made.wire = with.wire;
  made.address = with.self_address;
  return made;
}

} // namespace

hub_core::hub_core(home_loop& loop, peer_network& network, peer_hub::options with)
    : loop_(loop),
      network_(network),
      options_(std::move(with)),
      own_(greeting_of(options_)),
      random_state_(options_.seed + (options_.self.value() << 32)),
      last_link_(options_.incarnation << 20),
      flush_task_(*this),
      tick_([this] {
        unpublished_ = true;
        loop_.defer(round_phase::output, flush_task_);
        loop_.arm(tick_, loop_.now() + limits::peer_beat_ms);
      }) {
  own_.process = options_.process != 0 ? options_.process : next_random(random_state_);
}

hub_core::~hub_core() = default;

void hub_core::post(std::function<void(hub_core&)> job) {
  loop_.post([weak = weak_from_this(), job = std::move(job)] {
    if (const auto hub = weak.lock()) {
      job(*hub);
    }
  });
}

void hub_core::start() {
  if (started_ || stopped_) {
    return;
  }
  started_ = true;
  network_.take_with(
    [weak = weak_from_this()](std::unique_ptr<peer_connection> connection, peer_stream what, node_id certified) {
      const auto hub = weak.lock();
      if (hub == nullptr || hub->stopped_) {
        return;
      }
      if (what == peer_stream::control) {
        hub->take(std::move(connection), certified);
      } else if (hub->bulk) {
        hub->bulk(std::move(connection), what, certified);
      }
    });
  loop_.arm(tick_, loop_.now() + limits::peer_beat_ms);
  arrange();
}

void hub_core::stop() {
  if (stopped_) {
    return;
  }
  stopped_ = true;
  loop_.disarm(tick_);
  loop_.forget(flush_task_);
  for (auto& [node, link] : links_) {
    const std::lock_guard lock(link->outlet->mutex);
    link->outlet->up.store(false, std::memory_order_release);
    link->outlet->open = false;
    link->outlet->clear();
    loop_.disarm(link->redial);
    loop_.disarm(link->beat);
    link->current.reset();
    link->attempt.reset();
  }
  for (auto& [id, session] : sessions_) {
    session->stage = session_stage::ended;
    session->connection.reset();
    loop_.disarm(session->deadline);
  }
  for (const auto& seed : seeds_) {
    loop_.disarm(seed->redial);
    seed->attempt.reset();
  }
  sessions_.clear();
  graveyard_.clear();
  publish();
}

// --- who there is -----------------------------------------------------------------------------------

peer_link* hub_core::find(node_id which) {
  const auto found = links_.find(which.value());
  return found == links_.end() ? nullptr : found->second.get();
}

peer_link* hub_core::find_or_add(node_id which) {
  if (peer_link* const known = find(which)) {
    return known;
  }
  if (links_.size() >= limits::peers_max) {
    // A node that was heard of once and is not named makes room.
    const auto idle = std::find_if(links_.begin(), links_.end(), [](const auto& each) {
      return !each.second->named && !each.second->current && !each.second->attempt;
    });
    if (idle == links_.end()) {
      return nullptr;
    }
    const std::unique_lock lock(outlets_mutex_);
    outlets_.erase(idle->first);
    links_.erase(idle);
  }
  auto made = std::make_unique<peer_link>(
    which,
    [this, which] {
      if (peer_link* const link = find(which)) {
        dial(*link);
      }
    },
    [this, which] { beat_rang(which); });
  peer_link* const link = made.get();
  links_.emplace(which.value(), std::move(made));
  const std::unique_lock lock(outlets_mutex_);
  outlets_[which.value()] = link->outlet;
  return link;
}

void hub_core::set_peers(const std::vector<peer_hub::peer>& peers) {
  if (stopped_) {
    return;
  }
  std::map<std::uint64_t, const peer_address*> named;
  for (const peer_hub::peer& each : peers) {
    if (each.node != options_.self && each.node != persistence::no_node) {
      named[each.node.value()] = &each.address;
    }
  }
  std::vector<std::uint64_t> gone;
  for (auto& [node, link] : links_) {
    if (link->named && !named.contains(node)) {
      gone.push_back(node);
    }
  }
  for (const std::uint64_t node : gone) {
    peer_link& link = *links_.at(node);
    link.named = false;
    loop_.disarm(link.redial);
    if (link.attempt) {
      end(*session_ptr(link.attempt), "it is no member of the cluster any more");
    }
    if (link.current) {
      end(*session_ptr(link.current), "it is no member of the cluster any more");
    }
    const std::unique_lock lock(outlets_mutex_);
    outlets_.erase(node);
    links_.erase(node);
  }
  for (const auto& [node, address] : named) {
    peer_link* const link = find_or_add(node_id(node));
    if (link == nullptr) {
      log::error(peer_log, "peers_refused",
                 {{"node", node}, {"reason", "more nodes are named than a cluster may have"}});
      continue;
    }
    const bool moved = link->address != *address;
    link->named = true;
    link->address = *address;
    if (!moved) {
      continue;
    }
    link->failures = 0;
    loop_.disarm(link->redial);
    if (link->attempt && link->attempt->address != *address) {
      end(*session_ptr(link->attempt), "it is at another address now");
    }
    const session_ptr current = link->current;
    if (current && current->dialled && current->address != *address && current->said->address != *address) {
      end(*current, "it is at another address now");
    }
  }
  unpublished_ = true;
  loop_.defer(round_phase::output, flush_task_);
  arrange();
}

void hub_core::set_seeds(const std::vector<peer_address>& seeds) {
  if (stopped_) {
    return;
  }
  std::vector<std::shared_ptr<peer_seed>> now;
  for (const peer_address& each : seeds) {
    const auto same = [&](const auto& seed) { return seed->address == each; };
    if (each == options_.self_address || std::any_of(now.begin(), now.end(), same) || now.size() >= limits::peers_max) {
      continue;
    }
    const auto known = std::find_if(seeds_.begin(), seeds_.end(), same);
    if (known != seeds_.end()) {
      now.push_back(*known);
      continue;
    }
    now.push_back(std::make_shared<peer_seed>(each, [this, each] {
      const auto found = std::find_if(seeds_.begin(), seeds_.end(), [&](const auto& s) { return s->address == each; });
      if (found != seeds_.end()) {
        dial(std::shared_ptr<peer_seed>(*found));
      }
    }));
  }
  seeds_.swap(now);
  for (const auto& old : now) {
    if (std::find(seeds_.begin(), seeds_.end(), old) == seeds_.end()) {
      loop_.disarm(old->redial);
      if (old->attempt) {
        end(*session_ptr(old->attempt), "it is no seed any more");
      }
    }
  }
  unpublished_ = true;
  loop_.defer(round_phase::output, flush_task_);
  arrange();
}

// --- what others see --------------------------------------------------------------------------------

std::shared_ptr<peer_outlet> hub_core::outlet(node_id which) const {
  const std::shared_lock lock(outlets_mutex_);
  const auto found = outlets_.find(which.value());
  return found == outlets_.end() ? nullptr : found->second;
}

std::vector<node_id> hub_core::all_up() const {
  std::vector<node_id> up;
  {
    const std::shared_lock lock(outlets_mutex_);
    for (const auto& [node, outlet] : outlets_) {
      if (outlet->up.load(std::memory_order_acquire)) {
        up.emplace_back(node);
      }
    }
  }
  std::sort(up.begin(), up.end());
  return up;
}

peer_status hub_core::status_of(const peer_link& link) const {
  peer_status made;
  made.node = link.node;
  made.address = link.address;
  made.up = link.current != nullptr;
  made.incarnation = link.newest_incarnation;
  made.silent_ms = link.heard_at == 0 ? 0 : loop_.now() - std::min(link.heard_at, loop_.now());
  made.round_trip_us = link.round_trip_us;
  made.clock_ahead_ms = link.clock_ahead_ms;
  made.clock_known = link.clock_known;
  made.trouble = made.up ? std::string() : link.trouble;
  made.bytes_sent = link.bytes_sent;
  made.bytes_received = link.bytes_received;
  made.times_up = link.times_up;
  made.queued_bytes = queued(link);
  return made;
}

std::vector<peer_status> hub_core::status() const {
  if (!loop_.on_loop()) {
    const std::lock_guard lock(published_mutex_);
    return published_;
  }
  std::vector<peer_status> all;
  all.reserve(links_.size());
  for (const auto& [node, link] : links_) {
    all.push_back(status_of(*link));
  }
  return all;
}

std::vector<peer_status> hub_core::seeds_now() const {
  std::vector<peer_status> all;
  for (const auto& seed : seeds_) {
    if (!settled(*seed)) {
      peer_status& made = all.emplace_back();
      made.node = persistence::no_node;
      made.address = seed->address;
      made.trouble = seed->trouble;
    }
  }
  return all;
}

std::vector<peer_status> hub_core::seeds() const {
  if (loop_.on_loop()) {
    return seeds_now();
  }
  const std::lock_guard lock(published_mutex_);
  return published_seeds_;
}

void hub_core::publish() {
  unpublished_ = false;
  std::vector<peer_status> all;
  all.reserve(links_.size());
  for (const auto& [node, link] : links_) {
    all.push_back(status_of(*link));
  }
  std::vector<peer_status> seeds = seeds_now();
  const std::lock_guard lock(published_mutex_);
  published_.swap(all);
  published_seeds_.swap(seeds);
}

std::string hub_core::name_of(const peer_session& which) const {
  if (which.dialled) {
    return to_string(which.address);
  }
  if (which.said) {
    return to_string(which.said->address);
  }
  return which.certified == persistence::no_node ? std::string("an unknown node")
                                                 : "node " + std::to_string(which.certified.value());
}

std::uint32_t hub_core::random() { return static_cast<std::uint32_t>(next_random(random_state_) >> 32); }

} // namespace godwit::cluster
