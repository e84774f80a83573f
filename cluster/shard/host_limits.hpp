#pragma once

#include <cstddef>
#include <cstdint>

#include "config/limits.hpp"

namespace godwit::cluster {

/// The bounds of one shard's host, for tests to make them small.
struct host_limits {
  std::uint32_t requests_in_flight_max = limits::shard_requests_in_flight_max;
  std::uint32_t request_timeout_ms = limits::request_timeout_ms;
  std::size_t proposals_kept_bytes_max = limits::shard_proposals_kept_bytes_max;
  std::uint32_t entities_max = limits::shard_entities_max;
  std::uint32_t entity_idle_ms = limits::entity_idle_ms;
  std::uint32_t entity_restarts_max = limits::entity_restarts_max;
  std::uint32_t entity_restart_window_ms = limits::entity_restart_window_ms;
  std::uint32_t entity_refusal_ms = limits::entity_refusal_ms;
  std::uint32_t drain_ms = limits::shard_drain_ms;

  std::size_t lane_window_items = limits::lane_window_items;
  std::size_t lane_window_bytes = limits::lane_window_bytes;
  std::size_t lane_queue_items = limits::lane_queue_items;
  std::size_t lane_queue_bytes = limits::lane_queue_bytes;
  std::uint32_t lane_page_rows = limits::lane_page_rows;
  std::uint32_t lane_silence_ms = limits::lane_silence_ms;
  std::uint32_t lane_tick_ms = limits::lane_tick_ms;
  std::size_t lane_erased_at_once = limits::lane_erased_at_once;
  std::uint32_t lane_retry_ms = limits::lane_retry_ms;
  std::uint32_t lane_retry_max_ms = limits::lane_retry_max_ms;
  std::int64_t lane_depth_max = limits::lane_depth_max;
  std::uint32_t delivery_attempts_max = limits::delivery_attempts_max;
};

} // namespace godwit::cluster
