#pragma once

#include <string>
#include <string_view>

#include "persistence/base/persistence_errc.hpp"
#include "persistence/log/log_entry.hpp"

namespace godwit::persistence {

/// Bytes of records/consensus.proto, Configuration: the payload of a log entry of kind `change`.
std::string encode_configuration(const configuration& members);

/// Takes any bytes. Errors: corrupt, when they are no configuration or a member comes twice, has no
/// id or a role this version does not know.
storage_result<configuration> decode_configuration(std::string_view bytes);

} // namespace godwit::persistence
