#include "cluster/route/leader_words.hpp"

#include "cluster/base/entity.hpp"

namespace godwit::cluster {

using persistence::no_node;

leader_words::leader_words(envelope_port& port, leader_board& board, node_id self, std::uint16_t shards)
    : port_(port), board_(board), self_(self), shards_(shards) {}

shard_id leader_words::shard_at(std::size_t slot) const {
  return slot == shards_ ? meta_shard : shard_id{static_cast<std::uint16_t>(slot)};
}

/// slots(): there is no such shard.
std::size_t leader_words::slot_of(shard_id which) const {
  if (which == meta_shard) {
    return shards_;
  }
  return which.value() < shards_ ? which.value() : slots();
}

node_id leader_words::way(shard_id which, const leadership& led) const {
  const std::size_t slot = slot_of(which);
  if (slot == slots() || led.node == no_node || port_.up(led.node)) {
    return led.node;
  }
  for (const auto& [node, each] : peers_) {
    if (each.heard[slot] == led && port_.up(node)) {
      return node;
    }
  }
  return no_node;
}

// --- what is told -----------------------------------------------------------------------------------

/// Nobody is told of itself: it knows better.
leadership leader_words::word_for(node_id whom, std::size_t slot) const {
  const leadership led = board_.find(shard_at(slot));
  const bool reached = led.node == self_ || (led.node != whom && peers_.contains(led.node));
  return {reached ? led.node : no_node, led.term};
}

void leader_words::changed(const std::vector<shard_id>& which) {
  for (auto& [node, each] : peers_) {
    std::vector<leader_note> news;
    for (const shard_id shard : which) {
      const std::size_t slot = slot_of(shard);
      const leadership word = word_for(node, slot);
      leadership& told = each.told[slot];
      if (word.node == no_node ? told.node != no_node : word != told) {
        told = word;
        news.push_back({shard, word});
      }
    }
    if (!news.empty()) {
      (void)port_.send_as(node, envelope_kind::leaders, {.first = true},
                          [&](std::string& out) { encode_leaders(out, news); });
    }
  }
}

void leader_words::tell_all() {
  std::vector<shard_id> all;
  for (std::size_t slot = 0; slot < slots(); ++slot) {
    all.push_back(shard_at(slot));
  }
  changed(all);
}

// --- what is heard ------------------------------------------------------------------------------------

void leader_words::link_up(node_id which) {
  peers_[which] = {std::vector<leadership>(slots()), std::vector<leadership>(slots())};
  tell_all();
}

void leader_words::link_down(node_id which) {
  peers_.erase(which);
  board_.lost(which);
  for (std::size_t slot = 0; slot < slots(); ++slot) {
    settle(slot);
  }
  tell_all();
}

void leader_words::told(node_id by, const std::vector<leader_note>& what) {
  const auto found = peers_.find(by);
  if (found == peers_.end()) {
    return;
  }
  for (const leader_note& each : what) {
    const std::size_t slot = slot_of(each.shard);
    if (slot != slots()) {
      // Whether this node leads, its own replicas know better.
      found->second.heard[slot] = each.led.node == self_ ? leadership{no_node, each.led.term} : each.led;
      settle(slot);
    }
  }
}

/// Puts the board right after links or words changed: nobody leads whom no way leads to, and somebody does of whom
/// others know.
void leader_words::settle(std::size_t slot) {
  const shard_id shard = shard_at(slot);
  const leadership led = board_.find(shard);
  if (led.node != no_node && led.node != self_ && way(shard, led) == no_node) {
    board_.lost(shard, led);
  }
  for (const auto& [node, each] : peers_) {
    if (each.heard[slot].node != no_node) {
      board_.note(shard, each.heard[slot]);
    }
  }
}

} // namespace godwit::cluster
