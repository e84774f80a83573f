#include <variant>

#include "persistence/log/configuration_codec.hpp"
#include "tests/simulation/checker.hpp"

namespace godwit::simulation {

using persistence::entry_kind;
using persistence::hard_state;
using persistence::index_t;
using persistence::log_entry;
using persistence::log_write;
using persistence::no_node;

namespace raft = persistence::raft;

void checker::violated(unsigned node, const std::string& what) {
  world_.violated("n" + std::to_string(node + 1) + ": " + what);
}

void checker::watch(unsigned node, const log_disk& log, const state_disk& state) {
  nodes_[node].log = &log;
  nodes_[node].state = &state;
}

// --- the log --------------------------------------------------------------------------------------

void checker::log_submitted(unsigned node, const log_write& write) {
  node_record& n = nodes_[node];
  if (write.reset) {
    n.changes.clear();
  }
  if (write.first == 0) {
    return;
  }
  while (!n.changes.empty() && n.changes.back().first >= write.first) {
    n.changes.pop_back();
  }
  for (std::size_t i = 0; i < write.entries.size(); ++i) {
    if (write.entries[i].kind == entry_kind::change) {
      auto members = persistence::decode_configuration(write.entries[i].payload.view());
      if (!members) {
        violated(node, "a change that cannot be read goes to the log");
        return;
      }
      n.changes.emplace_back(write.first + i, std::move(*members));
    }
  }
}

void checker::log_stored(unsigned node, const log_write& write) {
  const node_record& n = nodes_[node];
  if (write.first != 0) {
    const index_t end = std::min<index_t>(write.first + write.entries.size(), n.log->last() + 1);
    for (index_t index = std::max(write.first, n.log->first); index < end; ++index) {
      compare_logs(node, index, n.log->entries[index - n.log->first], n.log->term_of(index - 1));
    }
  }
  if (n.log->first > n.state->durable() + 1) {
    violated(node, "the log begins at " + std::to_string(n.log->first) + " but the durable state ends at " +
                     std::to_string(n.state->durable()));
  }
}

/// Raft, figure 3, "log matching": entries of equal index and term are equal, and so is what precedes.
void checker::compare_logs(unsigned node, index_t index, const log_entry& entry, term_t previous) {
  if (logged_.size() < index) {
    logged_.resize(index);
  }
  std::vector<logged_entry>& known = logged_[index - 1];
  for (logged_entry& other : known) {
    if (other.entry.term != entry.term) {
      continue;
    }
    if (!(other.entry == entry)) {
      violated(node, "two entries of index " + std::to_string(index) + " and term " + std::to_string(entry.term));
    }
    if (other.previous != 0 && previous != 0 && other.previous != previous) {
      violated(node, "entry " + std::to_string(index) + " of term " + std::to_string(entry.term) +
                       " follows entries of two terms");
    }
    other.previous = std::max(other.previous, previous);
    return;
  }
  known.push_back({entry, previous});
}

// --- term and vote --------------------------------------------------------------------------------

void checker::hard_state_stored(unsigned node, const hard_state& hard) {
  node_record& n = nodes_[node];
  if (hard.term < n.hard.term) {
    violated(node,
             "its stored term goes back from " + std::to_string(n.hard.term) + " to " + std::to_string(hard.term));
  }
  if (hard.vote != no_node) {
    const auto [at, fresh] = n.votes.emplace(hard.term, hard.vote);
    if (!fresh && at->second != hard.vote) {
      violated(node, "stores two votes of term " + std::to_string(hard.term));
    }
  } else if (n.votes.contains(hard.term)) {
    violated(node, "forgets its vote of term " + std::to_string(hard.term));
  }
  n.hard = hard;
  if (world_.tracing) {
    world_.trace(node + 1,
                 "has stored term " + std::to_string(hard.term) + ", vote " + std::to_string(hard.vote.value()));
  }
}

/// Raft, figure 2: what a message rests on is on stable storage before it leaves.
void checker::sent(unsigned node, const raft::message& what) {
  const node_record& n = nodes_[node];
  bool binding = true; // a pre-vote commits nobody to anything
  if (const auto* ask = std::get_if<raft::request_vote>(&what.body)) {
    binding = !ask->pre_vote;
    if (binding && n.hard.term == what.term && n.hard.vote != what.from) {
      violated(node, "asks for votes before its own is stored");
    }
  } else if (const auto* vote = std::get_if<raft::vote_result>(&what.body)) {
    binding = !vote->pre_vote;
    if (binding && vote->granted) {
      const auto stored = n.votes.find(what.term);
      if (stored == n.votes.end() || stored->second != what.to) {
        violated(node, "grants a vote of term " + std::to_string(what.term) + " that is not stored");
      }
    }
  } else if (const auto* result = std::get_if<raft::append_result>(&what.body)) {
    if (result->rejected == 0 && result->last_index > std::max(n.log->last(), n.state->durable())) {
      violated(node, "acknowledges entry " + std::to_string(result->last_index) + " but holds only " +
                       std::to_string(n.log->last()));
    }
  }
  // A replica begins in no older term than its state's.
  if (binding && std::max(n.hard.term, n.state->durable_point().term) < what.term) {
    violated(node, "sends a message of term " + std::to_string(what.term) + " while term " +
                     std::to_string(n.hard.term) + " is stored");
  }
}

// --- the state ------------------------------------------------------------------------------------

void checker::state_written(unsigned node, const persistence::snapshot_point& point) {
  const node_record& n = nodes_[node];
  if (point.index > n.log->last()) {
    violated(node, "state up to " + std::to_string(point.index) + " is stored, the log only up to " +
                     std::to_string(n.log->last()));
  } else if (const term_t term = n.log->term_of(point.index); term != 0 && term != point.term) {
    violated(node, "the stored state's last entry is not the log's");
  }
}

} // namespace godwit::simulation
