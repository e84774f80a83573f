#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/expected.hpp"

namespace godwit::faults {

/// What a power failure leaves of the writes that no sync covered.
enum class drop_policy : std::uint8_t {
  none,   ///< everything reached the disk in time
  all,    ///< nothing did
  random, ///< each page of 4096 bytes, and the size of each file, has one of the versions it had since its last sync
  torn,   ///< as random, but some pages are torn: each sector of 512 bytes has a version of its own
};

std::string_view to_string(drop_policy policy);
std::optional<drop_policy> drop_policy_from(std::string_view name);

struct drop_report {
  std::uint64_t files = 0;          ///< with unsynced changes
  std::uint64_t records = 0;        ///< unsynced changes
  std::uint64_t pages = 0;          ///< touched by them
  std::uint64_t pages_reverted = 0; ///< whose content is not the newest
  std::uint64_t pages_torn = 0;     ///< whose sectors have different versions
  std::uint64_t sizes_reverted = 0; ///< files that are not as long as they were
};

/// Takes back unsynced changes as `policy` and `seed` say, in the files below the root that the journal belongs
/// to, and empties the journal: what is left counts as durable. Deterministic in seed, the files' paths below
/// the root, and their histories. Fails, with a text naming the folder, if a process still runs under the
/// journal. Touches nothing outside of the root, follows no links inside it.
expected<drop_report, std::string> drop_unsynced(const std::filesystem::path& journal, std::uint64_t seed,
                                                 drop_policy policy);

} // namespace godwit::faults
