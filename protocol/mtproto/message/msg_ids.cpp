#include "protocol/mtproto/message/msg_ids.hpp"

#include <algorithm>

#include "config/limits.hpp"

namespace godwit::mtproto {
namespace {

constexpr std::uint64_t ms_per_second = 1000;

} // namespace

msg_id first_id_at(unix_ms time, msg_origin origin) {
  const auto ms = static_cast<std::uint64_t>(std::max<unix_ms>(time, 0));
  const std::uint64_t fraction = ((ms % ms_per_second) << 32) / ms_per_second;
  return msg_id(((ms / ms_per_second) << 32) | (fraction & ~std::uint64_t{3}) | static_cast<std::uint64_t>(origin));
}

unix_ms time_of(msg_id id) {
  const std::uint64_t fraction = ((id.value() & 0xffffffff) * ms_per_second) >> 32;
  return static_cast<unix_ms>((id.value() >> 32) * ms_per_second + fraction);
}

msg_id msg_id_source::next(unix_ms now, msg_origin origin) {
  std::uint64_t id = first_id_at(now, origin).value();
  if (id <= last_) {
    // The next multiple of four behind the last one.
    id = ((last_ | 3) + 1) | static_cast<std::uint64_t>(origin);
  }
  last_ = id;
  return msg_id(id);
}

bad_msg check_client_id(msg_id id, unix_ms now) {
  if ((id.value() & 3) != 0) {
    return bad_msg::id_bits;
  }
  const unix_ms time = time_of(id);
  if (time < now - limits::msg_id_behind_ms_max) {
    return bad_msg::id_too_low;
  }
  if (time > now + limits::msg_id_ahead_ms_max) {
    return bad_msg::id_too_high;
  }
  return bad_msg::none;
}

} // namespace godwit::mtproto
