#pragma once

#include <cstdint>
#include <map>

#include "cluster/member/cluster_map.hpp"
#include "persistence/raft/consensus.hpp"

namespace godwit::cluster {

using persistence::configuration;
using persistence::index_t;
using persistence::monotonic_ms;
using persistence::raft::catch_up_status;

/// Another node, as the leader of a shard sees it.
struct peer_facts {
  bool up = false;
  monotonic_ms up_ms = 0; ///< without a break
  bool fit = true;        ///< may lead: nothing is wrong with its clock
  catch_up_status catch_up = catch_up_status::none;
  index_t match = 0; ///< it has stored everything up to here
};

/// All that a step is decided from. Members are those in the leader's log, committed or not.
struct steward_facts {
  node_id self;
  bool ready = false;      ///< leads, in a term that it serves in; without it nothing is known of logs but the own one
  bool installing = false; ///< this node's replica waits for a snapshot
  configuration members;
  shard_entry wanted;
  std::map<node_id, peer_facts> peers;
  bool change_pending = false;
  bool transferring = false;
  bool resigned = false; ///< this node is to lead nothing: somebody else sees to that
  index_t last_index = 0;
  monotonic_ms leading_ms = 0;      ///< in this term
  monotonic_ms quiet_ms = 0;        ///< since the members were last seen to change
  bool retry = true;                ///< false: a moment ago a replica refused or gave up
  bool hand_over = false;           ///< false: another shard of this node is being handed over, or was just now
  bool settled = true;              ///< false: some replica of the cluster is being filled, or was just now
  std::uint32_t leaders_spread = 0; ///< of nodes that are up, the most that one leads, less the least
  node_id asked;                    ///< an operator wants that one to lead; no_node: none does
};

enum class step_kind : std::uint8_t { none, change, catch_up, transfer };

/// What a leader does next about its shard's members.
struct steward_step {
  step_kind kind = step_kind::none;
  configuration next; ///< of change
  node_id who;        ///< of catch_up and transfer

  friend bool operator==(const steward_step&, const steward_step&) = default;
};

/// One step from the members that a shard has towards those that it should have, or none while it has to wait; when
/// there is nothing to do about members, leadership goes to whom it should.
///
/// A node enters as a standby and becomes a voter when it has the log. The number of voters grows from odd to even
/// only when the next step makes it odd again. A voter goes when those that are to stay are voters, or when it is down;
/// the leader never goes: it hands leadership over first. No change is proposed that the members that are up
/// could not commit.
steward_step next_step(const steward_facts& facts);

/// A replica of the shard is being filled: it installs a snapshot, is far behind, or is on its way to be a member. One
/// whose turn cannot come, for a node that is down, is not.
bool is_filling(const steward_facts& facts);

} // namespace godwit::cluster
