#include "persistence/log/configuration_codec.hpp"
#include "persistence/raft/consensus_impl.hpp"

namespace godwit::persistence::raft {

std::vector<raft_library_member> to_library(const configuration& members) {
  std::vector<raft_library_member> out;
  out.reserve(members.members.size());
  for (const member& each : members.members) {
    out.push_back({each.id.value(), static_cast<unsigned>(each.role)});
  }
  return out;
}

library_snapshot::library_snapshot(const snapshot_point& point)
    : members_(to_library(point.members)),
      snapshot_{point.index, point.term, point.configuration_index, members_.data(),
                static_cast<unsigned>(members_.size())} {}

std::optional<library_entries> library_entries::from(std::span<const log_entry> entries) {
  library_entries out;
  out.entries_.reserve(entries.size());
  for (const log_entry& entry : entries) {
    raft_library_entry made{entry.term, static_cast<unsigned>(entry.kind), nullptr, 0};
    if (entry.kind == entry_kind::change) {
      const auto members = decode_configuration(entry.payload.view());
      if (!members) {
        return std::nullopt;
      }
      // Moving the outer vector about leaves the inner ones' memory where it is.
      const std::vector<raft_library_member>& kept = out.members_.emplace_back(to_library(*members));
      made.members = kept.data();
      made.member_count = static_cast<unsigned>(kept.size());
    }
    out.entries_.push_back(made);
  }
  return out;
}

} // namespace godwit::persistence::raft
