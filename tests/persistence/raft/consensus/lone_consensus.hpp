#pragma once

#include <optional>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/consensus_cluster.hpp"

namespace godwit::tests {

/// One consensus object, node 1 of three voters, to which a test speaks in the others' names.
class lone_consensus {
public:
  using message_body = persistence::raft::message_body;
  using effects = persistence::raft::effects;

  /// `entries` go on from `first`; a snapshot as in `started`.
  explicit lone_consensus(persistence::term_t term, std::vector<persistence::log_entry> entries,
                          std::optional<persistence::snapshot_point> snapshot = std::nullopt,
                          persistence::index_t first = 1)
      : core(options()) {
    persistence::raft::started begin;
    begin.hard.term = term;
    begin.entries = std::move(entries);
    begin.snapshot = std::move(snapshot);
    begin.first_index = first;
    auto done = core.step(now, std::move(begin));
    EXPECT_TRUE(done.has_value());
    start_effects = std::move(*done);
    now += 1001; // a restarted voter is silent that long
  }

  static persistence::raft::consensus_options options() {
    persistence::raft::consensus_options out;
    out.self = persistence::node_id{1};
    return out;
  }

  expected<persistence::raft::effects, persistence::raft::raft_errc> step(persistence::raft::event what) {
    return core.step(now, std::move(what));
  }

  expected<persistence::raft::effects, persistence::raft::raft_errc> receive(unsigned from, persistence::term_t term,
                                                                             message_body body) {
    return step(
      persistence::raft::received{{persistence::node_id{from}, persistence::node_id{1}, term, std::move(body)}});
  }

  persistence::monotonic_ms now = 1'000'000;
  persistence::raft::consensus core;
  effects start_effects;
};

/// An append as a leader makes it.
inline persistence::raft::append_entries append(persistence::index_t prev, persistence::term_t prev_term,
                                                std::vector<persistence::log_entry> entries,
                                                persistence::index_t commit = 0, persistence::monotonic_ms sent = 0) {
  persistence::raft::append_entries out;
  out.prev_index = prev;
  out.prev_term = prev_term;
  out.leader_commit = commit;
  out.entries = std::move(entries);
  out.sent_at = sent;
  return out;
}

/// The first message of this kind, or null.
template <class Body>
const persistence::raft::message* find_message(const persistence::raft::effects& in) {
  for (const persistence::raft::message& one : in.messages) {
    if (std::holds_alternative<Body>(one.body)) {
      return &one;
    }
  }
  return nullptr;
}

/// Whether a message is an append with entries.
inline bool carries_entries(const persistence::raft::message& what) {
  const auto* const body = std::get_if<persistence::raft::append_entries>(&what.body);
  return body != nullptr && !body->entries.empty();
}

} // namespace godwit::tests
