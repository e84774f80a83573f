#include <algorithm>
#include <limits>

#include "persistence/log/configuration_codec.hpp"
#include "tests/simulation/checker.hpp"

namespace godwit::simulation {

using persistence::entry_kind;
using persistence::index_t;
using persistence::log_entry;
using persistence::shard_state;

namespace raft = persistence::raft;

void checker::starts(unsigned node, const persistence::recovered_log& log) {
  node_record& n = nodes_[node];
  if (log.hard != n.hard) {
    violated(node, "its stored term or vote is gone after a crash");
  }
  const persistence::snapshot_point& point = n.state->state().point;
  n.term = std::max(log.hard.term, point.term);
  n.commit = n.applied = point.index;
  n.leads = false;
  n.lease_until = 0;
  n.base = point.members;
  n.base_index = point.configuration_index;
  n.changes.clear();
  for (std::size_t i = 0; i < log.entries.size(); ++i) {
    if (log.entries[i].kind == entry_kind::change) {
      if (auto members = persistence::decode_configuration(log.entries[i].payload.view())) {
        n.changes.emplace_back(log.first + i, std::move(*members));
      }
    }
  }
}

void checker::observe(unsigned node, const raft::replica& replica, shard_state& state) {
  const raft::consensus& core = replica.core();
  observe_role(node, core);
  if (!replica.installing()) {
    observe_commits(node, core);
    observe_members(node, core);
  }
  observe_applied(node, state);
  observe_lease(node, core);
  if (replica.messages_held() > limits::messages_held_max) {
    violated(node, "holds too many messages");
  }
}

void checker::observe_role(unsigned node, const raft::consensus& core) {
  node_record& n = nodes_[node];
  if (core.term() < n.term) {
    violated(node, "its term goes back");
  }
  const bool leads = core.current_role() == raft::role::leader;
  if (leads && (!n.leads || core.term() != n.term)) {
    ++world_.counted.elections;
    const auto [at, fresh] = leaders_.emplace(core.term(), node);
    if (!fresh && at->second != node) {
      violated(node, "is the second leader of term " + std::to_string(core.term()));
    }
    if (world_.tracing) {
      world_.trace(node + 1, "leads in term " + std::to_string(core.term()) + ", log " +
                               std::to_string(core.first_index()) + " to " + std::to_string(core.last_index()) +
                               ", commit " + std::to_string(core.commit_index()));
    }
    leader_has_all(node, core);
  } else if (!leads && n.leads && world_.tracing) {
    world_.trace(node + 1, "leads no more, term " + std::to_string(core.term()));
  }
  n.term = core.term();
  n.leads = leads;
}

/// Raft, figure 3, "leader completeness".
void checker::leader_has_all(unsigned node, const raft::consensus& core) {
  for (index_t index = std::max<index_t>(core.first_index(), 1); index <= committed_.size(); ++index) {
    const committed_entry& known = committed_[index - 1];
    if (known.leader_term < core.term() && core.term_of(index) != known.entry.term) {
      violated(node, "leads in term " + std::to_string(core.term()) + " without the committed entry " +
                       std::to_string(index));
      return;
    }
  }
}

void checker::observe_commits(unsigned node, const raft::consensus& core) {
  node_record& n = nodes_[node];
  const index_t commit = core.commit_index();
  if (commit < n.commit && n.commit > n.state->state().point.index) {
    violated(node, "its commit index goes back from " + std::to_string(n.commit) + " to " + std::to_string(commit));
  }
  for (index_t index = std::max(n.commit + 1, core.first_index()); index <= commit; ++index) {
    const term_t term = core.term_of(index);
    const log_entry* const entry = core.entry(index);
    if (term == 0) {
      violated(node, "entry " + std::to_string(index) + " is committed and not in its log");
      return;
    }
    if (index <= committed_.size()) {
      const log_entry& known = committed_[index - 1].entry;
      if (known.term != term || (entry != nullptr && !(*entry == known))) {
        violated(node, "committed entry " + std::to_string(index) + " of term " + std::to_string(known.term) +
                         " has become another one, of term " + std::to_string(term));
        return;
      }
      continue;
    }
    const log_entry* const stored = stored_entry(index, term);
    if (index != committed_.size() + 1 || stored == nullptr) {
      violated(node, "entry " + std::to_string(index) + " is committed, but it or an earlier one is on no disk");
      return;
    }
    commit_first(index, *stored, core.term());
  }
  n.commit = std::max(n.commit, commit);
}

const log_entry* checker::stored_entry(index_t index, term_t term) const {
  if (index <= logged_.size()) {
    for (const logged_entry& each : logged_[index - 1]) {
      if (each.entry.term == term) {
        return &each.entry;
      }
    }
  }
  return nullptr;
}

void checker::observe_applied(unsigned node, shard_state& state) {
  node_record& n = nodes_[node];
  const persistence::snapshot_point& at = state.applied();
  if (at.index == n.applied) {
    return;
  }
  if (at.index < n.applied) {
    violated(node, "its applied index goes back");
  } else if (at.index > committed_.size() || committed_[at.index - 1].entry.term != at.term) {
    violated(node, "applied entry " + std::to_string(at.index) + ", which is not committed in that form");
  } else if (world_.random.chance(0.02)) {
    compare_fully(node, state);
  }
  n.applied = at.index;
}

/// Until a lease ends no newer leader has committed anything: what this one would answer is the newest.
void checker::observe_lease(unsigned node, const raft::consensus& core) {
  node_record& n = nodes_[node];
  n.lease_until = n.leads ? core.lease_until() : 0;
  if (n.lease_until > world_.now_ms() && n.term < newest_term_) {
    violated(node, "holds a lease in term " + std::to_string(n.term) + " while term " + std::to_string(newest_term_) +
                     " has committed");
  }
}

void checker::observe_members(unsigned node, const raft::consensus& core) {
  const node_record& n = nodes_[node];
  const bool in_log = !n.changes.empty() && n.changes.back().first > n.base_index;
  if (core.members() != (in_log ? n.changes.back().second : n.base)) {
    violated(node, "the configuration in use is not the last one in its log");
  }
}

void checker::install_asked(unsigned node, const persistence::snapshot_point& at_least) {
  node_record& n = nodes_[node];
  n.base = at_least.members;
  n.base_index = at_least.configuration_index;
}

void checker::install_done(unsigned node, const persistence::snapshot_point& point) {
  ++world_.counted.installs;
  if (point.index > committed_.size() || committed_[point.index - 1].entry.term != point.term) {
    violated(node, "installed a snapshot of what is not committed");
  }
  // A state that stood later than the log it came with may be replaced by an older one, of a leader
  // that has flushed less.
  nodes_[node].applied = std::min(nodes_[node].applied, point.index);
}

void checker::compare_fully(unsigned node, shard_state& state) {
  ++world_.counted.full_compares;
  const persistence::snapshot_point& at = state.applied();
  auto view = state.open_view();
  if (!view) {
    return; // too many readers
  }
  persistence::row_range all;
  all.rows_max = std::numeric_limits<std::uint32_t>::max();
  auto page = (*view)->read(all);
  if (!page || page->more || (*view)->index() != at.index) {
    violated(node, "a view of its state does not show all of it");
    return;
  }
  page_read(node, all, at.index, *page);
  index_t changed = 0;
  for (index_t index = std::min<index_t>(at.index, committed_.size()); index > 0 && changed == 0; --index) {
    changed = committed_[index - 1].entry.kind == entry_kind::change ? index : 0;
  }
  if (at.configuration_index != changed ||
      (changed != 0 && committed_[changed - 1].entry.payload.view() != persistence::encode_configuration(at.members))) {
    violated(node, "its state does not know the configuration it was applied under");
  }
}

} // namespace godwit::simulation
