#pragma once

#include <cstdint>

#include "protocol/ids.hpp"
#include "protocol/mtproto/message/types.hpp"

namespace godwit::mtproto {

/// Whose a message is, as the two lowest bits of its id tell.
enum class msg_origin : std::uint8_t { client = 0, server_response = 1, server = 3 };

/// The smallest id of a moment: unix time * 2^32.
msg_id first_id_at(unix_ms time, msg_origin origin);
/// The moment that an id tells.
unix_ms time_of(msg_id id);

/// Makes ids that grow, whatever the clock does.
/// Source: https://core.telegram.org/mtproto/description#message-identifier-msg-id
class msg_id_source {
public:
  msg_id next(unix_ms now, msg_origin origin);
  [[nodiscard]] msg_id last() const { return msg_id(last_); }

private:
  std::uint64_t last_ = 0;
};

/// id_bits, id_too_low (more than 300 s behind `now`), id_too_high (more than 30 s ahead) or none.
bad_msg check_client_id(msg_id id, unix_ms now);

} // namespace godwit::mtproto
