#include <cstring>

#include "persistence/log/configuration_codec.hpp"
#include "tests/simulation/checker.hpp"

namespace godwit::simulation {

using persistence::entry_kind;
using persistence::index_t;
using persistence::log_entry;
using persistence::shard_state;
using persistence::raft::proposal_outcome;
using persistence::raft::proposal_token;

namespace raft = persistence::raft;

proposal_token checker::propose(unsigned /*node*/, term_t fence, bool change) {
  proposal added;
  added.fence = fence;
  added.change = change;
  proposals_.push_back(added);
  return proposals_.size() - 1;
}

void checker::finished(unsigned node, proposal_token token, proposal_outcome outcome, index_t index) {
  proposal& done = proposals_[token];
  if (!done.open) {
    violated(node, "answers proposal " + std::to_string(token) + " twice");
  }
  done.open = false;
  done.outcome = outcome;
  switch (outcome) {
  case proposal_outcome::applied:
    if (done.change) {
      ++world_.counted.changes;
      if (index > committed_.size() || committed_[index - 1].entry.kind != entry_kind::change) {
        violated(node, "acknowledges a change that is not committed");
      }
      break;
    }
    ++world_.counted.acknowledged;
    acknowledged_ = std::max(acknowledged_, index);
    if (done.committed == 0 || done.committed != index) {
      violated(node, "acknowledges proposal " + std::to_string(token) + " at entry " + std::to_string(index) +
                       ", where it is not committed");
    }
    break;
  case proposal_outcome::lost:
    ++world_.counted.lost;
    if (done.committed != 0) {
      violated(node, "calls proposal " + std::to_string(token) + " lost, which is committed");
    }
    break;
  case proposal_outcome::unknown: ++world_.counted.unknown; break;
  }
}

persistence::configuration checker::members() const {
  for (auto each = committed_.rbegin(); each != committed_.rend(); ++each) {
    if (each->entry.kind == entry_kind::change) {
      if (auto found = persistence::decode_configuration(each->entry.payload.view())) {
        return *found;
      }
    }
  }
  return {};
}

/// An entry is seen to be committed for the first time, by a replica in `leader_term`.
void checker::commit_first(index_t index, const log_entry& entry, term_t leader_term) {
  ++world_.counted.commits;
  committed_.push_back({entry, leader_term});
  if (entry.term > newest_term_) {
    newest_term_ = entry.term;
    for (unsigned other = 0; other < nodes_max; ++other) {
      const node_record& n = nodes_[other];
      if (n.term < newest_term_ && n.lease_until > world_.now_ms()) {
        violated(other, "still holds a lease in term " + std::to_string(n.term) + " as term " +
                          std::to_string(newest_term_) + " commits");
      }
    }
  }
  if (entry.kind != entry_kind::command) {
    return;
  }
  model_.apply(index, entry.payload);
  persistence::batch_reader reader(entry.payload.view());
  persistence::row_write write;
  while (reader.next(write)) {
    proposal_token token = 0;
    if (!write.value || write.value->size() < sizeof token) {
      continue;
    }
    std::memcpy(&token, write.value->data(), sizeof token);
    proposal& made = proposals_[token];
    if (made.committed != 0 && made.committed != index) {
      world_.violated("proposal " + std::to_string(token) + " is committed twice");
    }
    if (!made.open && made.outcome == proposal_outcome::lost) {
      world_.violated("proposal " + std::to_string(token) + " was called lost and is committed");
    }
    if (made.fence != entry.term) {
      world_.violated("proposal " + std::to_string(token) + ", made for term " + std::to_string(made.fence) +
                      ", is committed in term " + std::to_string(entry.term));
    }
    made.committed = index;
  }
  if (!reader.ok()) {
    world_.violated("the committed entry " + std::to_string(index) + " is no batch");
  }
}

void checker::read_under_lease(unsigned node, const raft::replica& replica, shard_state& state, std::string_view key) {
  ++world_.counted.lease_reads;
  const index_t at = state.applied().index;
  if (at < acknowledged_) {
    violated(node, "reads under a lease at entry " + std::to_string(at) + " in term " +
                     std::to_string(replica.core().term()) + ", but entry " + std::to_string(acknowledged_) +
                     " was acknowledged");
  }
  persistence::slice value;
  switch (state.find(key, value)) {
  case shard_state::found::value: row_read(node, key, value.view(), at); break;
  case shard_state::found::nothing: row_read(node, key, std::nullopt, at); break;
  case shard_state::found::unknown: break; // whoever asks goes on to a reader
  }
}

void checker::row_read(unsigned node, std::string_view key, std::optional<std::string_view> value, index_t at) {
  if (model_.value(key, at) != value) {
    violated(node, "a row differs from what the log up to entry " + std::to_string(at) + " makes of it");
  }
}

void checker::page_read(unsigned node, const persistence::row_range& range, index_t at,
                        const persistence::row_page& page) {
  if (page.more) {
    return;
  }
  if (const std::string fault = model_.differences(page.rows, at, range.from, range.to); !fault.empty()) {
    violated(node, "the state at entry " + std::to_string(at) + " is wrong: " + fault);
  }
}

} // namespace godwit::simulation
