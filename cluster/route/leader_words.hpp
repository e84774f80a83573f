#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "cluster/route/envelope_port.hpp"
#include "cluster/route/lane_codec.hpp"
#include "cluster/shard/leader_board.hpp"

namespace godwit::cluster {

/// What nodes tell one another of who leads, and which node can be reached by way of which. A node tells each other one
/// what it leads itself, and what nodes lead that it has a link to; only what changed. So whoever lost its link with a
/// leader knows at once who else has one, and when the last of them loses it, too, that nobody has. On the loop of the
/// links alone.
class leader_words {
public:
  /// All of it outlives the words.
  leader_words(envelope_port& port, leader_board& board, node_id self, std::uint16_t shards);

  void link_up(node_id which);
  /// What that node led is led by nobody on the board now, but where another node can reach it.
  void link_down(node_id which);
  void told(node_id by, const std::vector<leader_note>& what);
  /// The board says something else of these shards.
  void changed(const std::vector<shard_id>& which);

  /// To whom goes what is for the leader: itself, or a node that says that it reaches it in that term. no_node: nobody
  /// does.
  [[nodiscard]] node_id way(shard_id which, const leadership& led) const;

private:
  struct peer {
    std::vector<leadership> heard; ///< by slot: what it said last on this link
    std::vector<leadership> told;  ///< what it was told last
  };

  [[nodiscard]] std::size_t slots() const { return std::size_t{shards_} + 1; }
  [[nodiscard]] shard_id shard_at(std::size_t slot) const;
  [[nodiscard]] std::size_t slot_of(shard_id which) const;
  [[nodiscard]] leadership word_for(node_id whom, std::size_t slot) const;
  void tell_all();
  void settle(std::size_t slot);

  envelope_port& port_;
  leader_board& board_;
  const node_id self_;
  const std::uint16_t shards_;
  std::map<node_id, peer> peers_; ///< with a link
};

} // namespace godwit::cluster
