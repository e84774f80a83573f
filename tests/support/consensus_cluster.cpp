#include "tests/support/consensus_cluster.hpp"

#include <algorithm>

#include "persistence/log/configuration_codec.hpp"

namespace godwit::tests {

using namespace persistence;
using namespace persistence::raft;

configuration voters(unsigned count) {
  configuration out;
  for (unsigned id = 1; id <= count; ++id) {
    out.members.push_back(as_voter(id));
  }
  return out;
}

member as_voter(unsigned id) { return {node_id{id}, member_role::voter}; }
member as_standby(unsigned id) { return {node_id{id}, member_role::standby}; }
member as_spare(unsigned id) { return {node_id{id}, member_role::spare}; }

log_entry command(term_t term, const std::string& payload) {
  return {term, entry_kind::command, slice::copy_of(payload)};
}

log_entry change_to(term_t term, const configuration& members) {
  return {term, entry_kind::change, slice::adopt(encode_configuration(members))};
}

consensus_cluster::consensus_cluster(unsigned count, unsigned nodes)
    : consensus_cluster(voters(count), std::max(count, nodes)) {}

consensus_cluster::consensus_cluster(const configuration& members, unsigned nodes) : nodes_(nodes) {
  for (unsigned id = 1; id <= nodes; ++id) {
    consensus_node& node = (*this)[id];
    node.options.self = node_id{id};
    node.options.seed = id;
    const bool first = std::any_of(members.members.begin(), members.members.end(),
                                   [id](const member& each) { return each.id.value() == id; });
    if (first) {
      node.disk.hard.term = 1;
      node.disk.log.push_back(change_to(1, members));
    }
    start(id);
  }
}

// --- steps ----------------------------------------------------------------------------------------

expected<effects, raft_errc> consensus_cluster::step(unsigned id, event what) {
  consensus_node& node = (*this)[id];
  expected<effects, raft_errc> todo = node.core->step(now, std::move(what));
  if (todo) {
    carry_out(id, *todo);
    if (node.writes_complete) {
      persist(id);
    }
  }
  return todo;
}

void consensus_cluster::carry_out(unsigned id, const effects& todo) {
  consensus_node& node = (*this)[id];
  if (todo.log_reset || todo.hard || todo.append || todo.trim_below != 0) {
    node.writes.push_back({todo.log_reset, todo.hard, todo.append, todo.trim_below});
  }
  for (message out : todo.messages) {
    if (auto* const append = std::get_if<append_entries>(&out.body)) {
      for (; append->entries_missing > 0; --append->entries_missing) {
        append->entries.push_back(node.disk.log.at(append->prev_index + 1 + append->entries.size() - node.disk.first));
      }
    }
    network.push_back(std::move(out));
  }
  if (todo.install) {
    node.installing = todo.install;
  }
  node.commit = todo.commit;
  node.timer_at = todo.timer_at;
  apply(node);
}

void consensus_cluster::apply(consensus_node& node) {
  if (node.installing) {
    return;
  }
  for (index_t index = node.applied.empty() ? 1 : node.applied.rbegin()->first + 1; index <= node.commit; ++index) {
    const log_entry* const entry = node.core->entry(index);
    if (entry == nullptr) {
      continue; // it was applied before the restart
    }
    node.applied[index] = *entry;
    if (entry->kind == entry_kind::change) {
      node.members = *decode_configuration(entry->payload.view());
      node.members_index = index;
    }
  }
  node.core->evictable(node.commit);
}

// --- network --------------------------------------------------------------------------------------

bool consensus_cluster::passes(const message& what) const {
  const auto from = static_cast<unsigned>(what.from.value());
  const auto to = static_cast<unsigned>(what.to.value());
  return to >= 1 && to <= size() && !cuts_.contains({from, to}) && nodes_[to - 1].core != nullptr &&
         (!lose || !lose(what));
}

void consensus_cluster::deliver_now(const filter& accepted) {
  std::deque<message> before = std::exchange(network, {});
  std::deque<message> kept;
  for (message& one : before) {
    if (!accepted(one)) {
      kept.push_back(std::move(one));
    } else if (passes(one)) {
      const auto to = static_cast<unsigned>(one.to.value());
      step(to, received{std::move(one)});
    }
  }
  network.insert(network.begin(), kept.begin(), kept.end());
}

void consensus_cluster::deliver() {
  for (int rounds = 0; rounds < 10'000; ++rounds) {
    const bool quiet =
      std::all_of(network.begin(), network.end(), [this](const message& m) { return hold && hold(m); });
    if (quiet) {
      return;
    }
    deliver_now([this](const message& m) { return !hold || !hold(m); });
  }
}

void consensus_cluster::pass(monotonic_ms ms) {
  for (const monotonic_ms end = now + ms; now < end;) {
    ++now;
    for (unsigned id = 1; id <= size(); ++id) {
      consensus_node& node = (*this)[id];
      if (node.core != nullptr && node.timers && node.timer_at <= now) {
        step(id, timer_expired{});
      }
    }
    deliver();
  }
}

void consensus_cluster::cut(unsigned a, unsigned b) {
  cuts_.insert({a, b});
  cuts_.insert({b, a});
}

void consensus_cluster::isolate(unsigned id) {
  for (unsigned other = 1; other <= size(); ++other) {
    if (other != id) {
      cut(id, other);
    }
  }
}

// --- disks ----------------------------------------------------------------------------------------

void consensus_cluster::persist(unsigned id, std::size_t count) {
  consensus_node& node = (*this)[id];
  for (; count > 0 && !node.writes.empty(); --count) {
    const consensus_node::write done = std::move(node.writes.front());
    node.writes.pop_front();
    if (done.reset) {
      node.disk.log.clear();
      node.disk.first = *done.reset;
    }
    if (done.hard) {
      node.disk.hard = *done.hard;
    }
    while (node.disk.first < done.trim_below && !node.disk.log.empty()) {
      node.disk.log.erase(node.disk.log.begin());
      ++node.disk.first;
    }
    if (done.append && done.append->first >= node.disk.first) {
      node.disk.log.resize(done.append->first - node.disk.first);
      node.disk.log.insert(node.disk.log.end(), done.append->entries.begin(), done.append->entries.end());
    }
    if (done.append) {
      if (const auto todo = node.core->step(now, append_persisted{done.append->generation})) {
        carry_out(id, *todo);
      }
    }
  }
}

void consensus_cluster::crash(unsigned id) {
  consensus_node& node = (*this)[id];
  node.core.reset();
  node.writes.clear();
  node.installing.reset();
  std::erase_if(network, [id](const message& m) { return m.from.value() == id || m.to.value() == id; });
}

bool consensus_cluster::start(unsigned id) {
  consensus_node& node = (*this)[id];
  node.core = std::make_unique<consensus>(node.options);
  node.commit = 0;
  started begin;
  begin.hard = node.disk.hard;
  begin.snapshot = node.disk.snapshot;
  if (begin.snapshot && begin.snapshot->term > begin.hard.term) {
    begin.hard = {begin.snapshot->term, no_node}; // the state that arrived knew a newer term
  }
  begin.first_index = node.disk.first;
  begin.entries = node.disk.log;
  return step(id, std::move(begin)).has_value();
}

void consensus_cluster::take_snapshot(unsigned id, std::uint32_t trailing) {
  consensus_node& node = (*this)[id];
  snapshot_point point;
  point.index = node.commit;
  point.term = node.core->term_of(point.index);
  point.members = node.members;
  point.configuration_index = node.members_index;
  node.disk.snapshot = point;
  step(id, snapshot_taken{point, trailing});
}

void consensus_cluster::finish_install(unsigned id, unsigned from) {
  consensus_node& node = (*this)[id];
  const consensus_node& source = (*this)[from];
  const snapshot_point accepted = *node.installing;
  node.applied = source.applied;
  node.members = source.members;
  node.members_index = source.members_index;
  node.disk.snapshot =
    snapshot_point{source.commit, source.core->term_of(source.commit), source.members, source.members_index};
  node.disk.log.clear();
  node.disk.first = accepted.index + 1;
  node.installing.reset();
  step(id, snapshot_installed{});
}

// --- leaders --------------------------------------------------------------------------------------

bool consensus_cluster::elect(unsigned id) {
  monotonic_ms latest = now;
  for (const consensus_node& node : nodes_) {
    latest = std::max(latest, node.timer_at);
  }
  now = latest + 1;
  for (unsigned other = 1; other <= size(); ++other) {
    if (other != id && (*this)[other].core != nullptr && (*this)[other].core->current_role() != role::leader) {
      const std::deque<message> before = network;
      step(other, timer_expired{});
      network = before; // it only forgets its leader
    }
  }
  for (int attempts = 0; attempts < 5 && (*this)[id].core->current_role() != role::leader; ++attempts) {
    now = std::max(now, (*this)[id].timer_at);
    step(id, timer_expired{});
    deliver();
  }
  return (*this)[id].core->current_role() == role::leader;
}

unsigned consensus_cluster::leader() const {
  unsigned found = 0;
  term_t term = 0;
  for (const consensus_node& node : nodes_) {
    if (node.core != nullptr && node.core->current_role() == role::leader && node.core->term() > term) {
      found = static_cast<unsigned>(node.options.self.value());
      term = node.core->term();
    }
  }
  return found;
}

index_t consensus_cluster::submit(unsigned id, const std::string& payload) {
  const auto done = step(id, submitted{slice::copy_of(payload)});
  return done ? (*this)[id].core->last_index() : 0;
}

bool consensus_cluster::change(unsigned id, std::vector<member> members) {
  return step(id, change_submitted{configuration{std::move(members)}}).has_value();
}

// --- checks ---------------------------------------------------------------------------------------

bool consensus_cluster::diverged() const {
  std::map<index_t, log_entry> all;
  for (const consensus_node& node : nodes_) {
    for (const auto& [index, entry] : node.applied) {
      if (const auto [at, added] = all.emplace(index, entry); !added && at->second != entry) {
        return true;
      }
    }
  }
  return false;
}

unsigned consensus_cluster::copies(unsigned id, index_t index) const {
  const log_entry* const wanted = nodes_[id - 1].core->entry(index);
  unsigned count = 0;
  for (const consensus_node& node : nodes_) {
    const log_entry* const entry = node.core == nullptr ? nullptr : node.core->entry(index);
    count += wanted != nullptr && entry != nullptr && *entry == *wanted ? 1 : 0;
  }
  return count;
}

} // namespace godwit::tests
