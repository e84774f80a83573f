#include "cluster/shard/leader_board.hpp"

#include <utility>

#include "cluster/base/entity.hpp"

namespace godwit::cluster {
namespace {

constexpr unsigned term_bits = 52;
constexpr std::uint64_t term_mask = (std::uint64_t{1} << term_bits) - 1;

std::uint64_t packed(leadership what) { return (what.node.value() << term_bits) | (what.term & term_mask); }
leadership unpacked(std::uint64_t bits) { return {node_id{bits >> term_bits}, bits & term_mask}; }

} // namespace

leader_board::leader_board(std::uint16_t shards) : shards_(shards), known_(std::size_t{shards} + 1) {}

std::size_t leader_board::place(shard_id which) const {
  return which == meta_shard ? shards_ : which.value() % shards_;
}

leadership leader_board::find(shard_id which) const {
  return unpacked(known_[place(which)].load(std::memory_order_acquire));
}

bool leader_board::note(shard_id which, leadership what) {
  std::atomic<std::uint64_t>& slot = known_[place(which)];
  std::uint64_t before = slot.load(std::memory_order_acquire);
  do {
    const leadership known = unpacked(before);
    const bool news = what.term > known.term || (what.term == known.term && known.node == persistence::no_node &&
                                                 what.node != persistence::no_node);
    if (!news) {
      return false;
    }
  } while (!slot.compare_exchange_weak(before, packed(what), std::memory_order_acq_rel));
  for (const listener& each : listeners_) {
    each(which, what);
  }
  return true;
}

void leader_board::lost(node_id which) {
  for (std::size_t i = 0; i < known_.size(); ++i) {
    std::uint64_t before = known_[i].load(std::memory_order_acquire);
    leadership now = unpacked(before);
    if (now.node != which) {
      continue;
    }
    now.node = persistence::no_node;
    if (known_[i].compare_exchange_strong(before, packed(now), std::memory_order_acq_rel)) {
      const shard_id shard = i == shards_ ? meta_shard : shard_id{static_cast<std::uint16_t>(i)};
      for (const listener& each : listeners_) {
        each(shard, now);
      }
    }
  }
}

void leader_board::lost(shard_id which, leadership known) {
  std::uint64_t before = packed(known);
  const leadership now{persistence::no_node, known.term};
  if (known.node != persistence::no_node &&
      known_[place(which)].compare_exchange_strong(before, packed(now), std::memory_order_acq_rel)) {
    for (const listener& each : listeners_) {
      each(which, now);
    }
  }
}

void leader_board::on_change(listener who) { listeners_.push_back(std::move(who)); }

std::uint16_t leader_board::leaderless() const {
  std::uint16_t count = 0;
  for (const std::atomic<std::uint64_t>& each : known_) {
    if (unpacked(each.load(std::memory_order_relaxed)).node == persistence::no_node) {
      ++count;
    }
  }
  return count;
}

} // namespace godwit::cluster
