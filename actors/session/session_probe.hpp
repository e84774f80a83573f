#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "cluster/base/probe.hpp"

namespace godwit::actors {

/// How a call ended, as counters tell it apart.
enum class call_result : std::uint8_t { ok, bad_request, unauthorized, flood, other_error, server_error, dropped };
inline constexpr std::size_t call_results = 7;

/// Label of a metric: "ok", "bad_request", ...
std::string_view to_string(call_result result);
/// By error_code of rpc_error.
call_result result_of(std::int32_t error_code);

/// Calls of one method.
struct method_probe {
  std::array<probe::counter, call_results> ended; ///< by call_result
  probe::latency_histogram latency;               ///< from the call's coming to its answer
};

/// What the sessions of one loop counted: written there, read by whoever scrapes.
class session_probe {
public:
  session_probe();

  /// Of a method by its place in tl::method_names(); one more, the last, is for numbers that name no method.
  [[nodiscard]] method_probe& method(std::size_t index) {
    return methods_[index < methods_max_ ? index : methods_max_];
  }
  [[nodiscard]] const method_probe& method(std::size_t index) const {
    return methods_[index < methods_max_ ? index : methods_max_];
  }
  /// Places of methods; the one after them is that of unknown numbers.
  [[nodiscard]] std::size_t methods() const { return methods_max_; }

  probe::gauge sessions;  ///< actors
  probe::gauge lingering; ///< of these, without a connection
  probe::gauge lingering_bytes;
  probe::counter sessions_begun;
  probe::counter sessions_failed; ///< ended by an error of ours
  probe::gauge calls_running;
  probe::counter calls_repeated; ///< asked again, for their shard was unavailable
  probe::counter pushes;
  probe::counter pushes_lost; ///< replaced by updatesTooLong
  probe::counter packets_out;
  probe::counter connections_too_bad;      ///< closed for one refused message after the other
  probe::counter connections_output_flood; ///< closed for asking for more than they take
  probe::counter connections_timed_out;    ///< ping_delay_disconnect

private:
  std::size_t methods_max_;
  std::unique_ptr<method_probe[]> methods_;
};

} // namespace godwit::actors
