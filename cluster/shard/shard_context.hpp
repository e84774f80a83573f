#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <utility>

#include "cluster/base/entity.hpp"
#include "cluster/shard/entity_request.hpp"
#include "cluster/shard/lane_messages.hpp"
#include "persistence/state/shard_state.hpp"
#include "protocol/ids.hpp"

namespace godwit::cluster {

class router;

/// What an entity actor sees of its shard, on the shard's loop. Lives until the host has ended all its
/// entities.
class shard_context {
public:
  virtual ~shard_context() = default;

  [[nodiscard]] virtual shard_id shard() const = 0;
  /// The term its entities loaded in: the fence of every proposal.
  [[nodiscard]] virtual term_t term() const = 0;
  [[nodiscard]] virtual std::uint16_t shards() const = 0;
  /// max(clock, last date of the shard), in seconds.
  virtual unix_time date() = 0;
  /// Applied rows.
  virtual persistence::shard_state& state() = 0;
  virtual cluster::router& router() = 0;

  /// The position of the next delivery to that shard. Ask for it when it is proposed: positions enter the log in
  /// their order.
  virtual std::uint64_t next_position(shard_id to) = 0;

  /// Proposes a mutation (bytes of persistence::mutation_writer), whose rows of lanes are those of `lanes`. The entity
  /// hears applied(token) when it is applied, in the order of its proposals; when one is lost or refused, it is ended
  /// instead, and what waits in it is answered `unavailable`. Takes the next proposal at once. May take the items out
  /// of `lanes`.
  virtual void propose(const entity_ref& from, std::string_view mutation, std::uint64_t token, lane_parts& lanes) = 0;

  /// Sends the one answer of a request to whoever asked. Passed over when it was answered already: it took
  /// longer than limits::request_timeout_ms, or the term ended. The default knows of no such ends.
  virtual void answer(const entity_request_ptr& request, entity_reply what);
  /// An answer from applied rows that rests on no proposal made since it was asked for. It leaves only while nobody else
  /// can lead; otherwise when a proposal made after it has shown that nobody did. The default trusts.
  virtual void answer_read(const entity_request_ptr& request, entity_reply what) { answer(request, std::move(what)); }
};

} // namespace godwit::cluster
