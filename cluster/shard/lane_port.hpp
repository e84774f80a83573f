#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "cluster/base/home_loop.hpp"
#include "cluster/shard/entity_request.hpp"
#include "cluster/shard/lane_messages.hpp"
#include "persistence/state/state_store.hpp"

namespace godwit::cluster {

/// What became of a delivery that was to go to its entity.
enum class lane_handover : std::uint8_t {
  taken,      ///< it is with the entity, or will be with the next one of its name
  later,      ///< a bound is reached
  impossible, ///< the entity cannot be started
};

/// What the two ends of lanes need of their host. On its loop, within a term.
class lane_port {
public:
  virtual ~lane_port() = default;

  [[nodiscard]] virtual shard_id lane_shard() const = 0;
  [[nodiscard]] virtual std::uint16_t lane_shards() const = 0;
  [[nodiscard]] virtual term_t lane_term() const = 0;
  [[nodiscard]] virtual home_loop& lane_loop() = 0;
  virtual void send_lane(lane_message what) = 0;

  /// Reads applied rows and calls `then` on the loop, later, in whatever order; not at all when the term ends before.
  /// Repeats itself until they can be read.
  virtual void read_rows(persistence::row_range range, std::function<void(const persistence::row_page&)> then) = 0;

  /// Proposes rows that belong to no entity. False: there is no room, try again later.
  virtual bool propose_rows(std::string_view mutation, lane_parts parts) = 0;

  /// Hands a delivery to its entity.
  virtual lane_handover hand_over(const entity_request_ptr& delivery) = 0;
  /// An entity will be needed soon. A hint.
  virtual void start_early(const entity_ref& who) = 0;

  /// lane_sender::tick and lane_receiver::tick are to be called, `in_ms` from now at the latest.
  virtual void want_tick(std::uint32_t in_ms) = 0;
  /// lane_receiver::flush is to be called at the end of the round.
  virtual void want_flush() = 0;
  /// lane_receiver::report_late is to be called, `in_ms` from now at the latest.
  virtual void want_report(std::uint32_t in_ms) = 0;
};

} // namespace godwit::cluster
