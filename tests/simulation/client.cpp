#include "tests/simulation/client.hpp"

#include <cstring>

namespace godwit::simulation {

using persistence::term_t;
using persistence::raft::proposal_token;

namespace raft = persistence::raft;

namespace {

constexpr unsigned entities = 6;
constexpr unsigned sub_keys = 4;

struct address {
  persistence::table_id table{1};
  persistence::entity_id entity;
  std::string sub_key;
};

address draw_address(dice& random) {
  const std::uint64_t entity = random.below(entities);
  return {persistence::table_id{static_cast<std::uint8_t>(1 + entity % 2)}, persistence::entity_id{entity},
          std::string(1, static_cast<char>('a' + random.below(sub_keys)))};
}

std::string key_of(const address& at) { return persistence::row_key(at.table, at.entity, at.sub_key); }

} // namespace

/// Every mutation holds at least one value that begins with its token.
std::string client::mutation(proposal_token token) {
  dice& random = world_.random;
  std::string bytes;
  persistence::mutation_writer writer(bytes);
  if (random.chance(0.3)) {
    const address gone = draw_address(random);
    writer.erase(gone.table, gone.entity, gone.sub_key);
  }
  char raw[sizeof token];
  std::memcpy(raw, &token, sizeof token);
  std::string value(raw, sizeof raw);
  value.append(random.below(40), 'v');
  for (std::uint64_t rows = random.between(1, 2); rows > 0; --rows) {
    const address at = draw_address(random);
    writer.put(at.table, at.entity, at.sub_key, value);
  }
  return bytes;
}

void client::turn() {
  for (const auto& node : all_) {
    if (!node->awake()) {
      continue;
    }
    const term_t ready = node->replica().ready_term();
    if (ready == 0) {
      if (seen_term_[node->index()] != 0 && world_.random.chance(0.1)) {
        propose(*node, seen_term_[node->index()]);
      }
      continue;
    }
    if (world_.random.chance(world_.kind.reads)) {
      read(*node);
    }
    if (world_.random.chance(0.8)) {
      propose(*node, static_cast<unsigned>(world_.random.between(1, 4)));
    }
  }
}

void client::propose(sim_node& to, unsigned count) {
  term_t& seen = seen_term_[to.index()];
  const term_t ready = to.replica().ready_term();
  if (world_.random.chance(0.1)) {
    // Somebody who loaded under an earlier leader, or here in an earlier term.
    propose(to, seen != 0 && seen != ready ? seen : ready - 1);
  }
  for (; count > 0 && to.up(); --count) {
    propose(to, ready);
  }
  seen = ready;
}

proposal_token client::propose(sim_node& to) { return propose(to, to.replica().ready_term()); }

proposal_token client::propose(sim_node& to, term_t fence) {
  const proposal_token token = checker_.propose(to.index(), fence, false);
  expected<void, raft::raft_errc> accepted;
  const term_t term = to.replica().core().term();
  to.call([&](raft::replica& replica) { accepted = replica.propose(fence, mutation(token), token); });
  if (!accepted) {
    checker_.refused(token);
    world_.counted.fenced += accepted.error() == raft::raft_errc::stale_term ? 1 : 0;
    return 0;
  }
  if (fence != term) {
    world_.violated("n" + std::to_string(to.index() + 1) + " accepts a proposal for term " + std::to_string(fence) +
                    " in term " + std::to_string(term));
  }
  return token;
}

void client::read(sim_node& from) {
  const std::uint64_t now = world_.now_ms();
  if (from.replica().core().lease_until() <= now) {
    return;
  }
  const std::string key = key_of(draw_address(world_.random));
  checker_.read_under_lease(from.index(), from.replica(), from.state(), key);
  if (!world_.random.chance(0.2)) {
    return;
  }
  persistence::row_range range;
  range.from = key;
  range.to = world_.random.chance(0.5) ? std::string() : persistence::prefix_end(key);
  range.rows_max = 1000;
  range.reverse = false;
  const persistence::index_t at = from.state().applied().index;
  // A refusal means that too much is being read already.
  static_cast<void>(from.state().read(
    range, [this, node = from.index(), range, at](const persistence::storage_result<persistence::row_page>& page) {
      if (page) {
        checker_.page_read(node, range, at, *page);
      } else if (page.error().code != persistence::persistence_errc::busy) {
        world_.violated("n" + std::to_string(node + 1) + " cannot read: " + page.error().message);
      }
    }));
}

} // namespace godwit::simulation
