#pragma once

#include "cluster/base/probe.hpp"

namespace godwit::cluster {

/// What goes between this node's askers and entities and those of other nodes. Written on the loop of the links, read
/// from any thread.
struct route_counters {
  probe::counter sent;        ///< requests to other nodes; one that is sent on counts again
  probe::counter answered;    ///< of these, by the other node, whatever it said
  probe::counter moved;       ///< of these: another node leads
  probe::counter unavailable; ///< of these: nobody could be asked, the link went down, or it took too long
  probe::gauge pending;       ///< of these: without an answer

  probe::counter received;     ///< requests of other nodes
  probe::counter refused;      ///< of these: a bound is reached
  probe::counter relayed;      ///< of these: sent on to a leader that the asking node has no link to
  probe::gauge taken;          ///< of these: without an answer
  probe::counter replies_lost; ///< the link was down

  probe::gauge listening; ///< askers of this node that listen to entities of others
  probe::gauge listeners; ///< askers of other nodes that listen to entities of this one
  probe::counter pushes_sent;
  probe::counter pushes_received;
  probe::counter gone; ///< listening ended because a link or a leader went

  probe::shared_counter lanes_sent; ///< messages of lanes; from any thread
  probe::shared_counter lanes_lost; ///< the link was down
  probe::counter lanes_received;
  probe::counter lanes_relayed; ///< of these: sent on to the node that leads
  probe::counter garbage;       ///< envelopes that are none
};

} // namespace godwit::cluster
