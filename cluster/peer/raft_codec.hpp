#pragma once

#include <optional>
#include <string>

#include "persistence/base/slice.hpp"
#include "persistence/raft/message.hpp"

namespace godwit::cluster {

/// What a replica says to another one, with the shard that it is about: the body of an envelope of kind `raft`.
struct raft_envelope {
  persistence::shard_id shard;
  persistence::raft::message what;
};

/// Appends to `out`, payloads once; inside of a peer_hub::body_writer. Sender and receiver are those of the link and
/// do not travel. `entries_missing` is 0 by now.
void encode_raft(persistence::shard_id shard, const persistence::raft::message& what, std::string& out);

/// Takes any bytes. Payloads of entries are parts of `body`. Nothing: no message of this version, or one that no
/// replica makes (numbers beyond all bounds, entries of an unknown kind, a configuration that is none).
std::optional<raft_envelope> decode_raft(persistence::node_id from, persistence::node_id to,
                                         const persistence::slice& body);

} // namespace godwit::cluster
