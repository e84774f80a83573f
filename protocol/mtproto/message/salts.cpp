#include "protocol/mtproto/message/salts.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "config/limits.hpp"
#include "protocol/crypto/hash.hpp"
#include "protocol/mtproto/message/constructors.hpp"
#include "protocol/mtproto/message/little_endian.hpp"
#include "protocol/tl/writer.hpp"

namespace godwit::mtproto {
namespace {

constexpr std::int64_t seconds_per_salt = 1800;
constexpr std::int64_t seconds_valid = 2 * seconds_per_salt;
/// A client goes over to the next salt by its own idea of the server's clock.
constexpr std::int64_t early_seconds = 60;

std::int64_t half_hour_of(std::int64_t time) { return time / seconds_per_salt; }

} // namespace

std::uint64_t derive_salt(const crypto::auth_key& key, std::int64_t half_hour) {
  // The words in front keep this apart from whatever else may once be derived from the key.
  static constexpr std::string_view purpose = "godwit server_salt";
  std::array<std::uint8_t, purpose.size() + 8> message{};
  std::copy(purpose.begin(), purpose.end(), message.begin());
  store_u64(message.data() + purpose.size(), static_cast<std::uint64_t>(half_hour));
  return load_u64(crypto::hmac_sha256(key.bytes, message).data());
}

server_salts::server_salts(std::optional<first_salt> first) : first_(first.value_or(first_salt{})) {}

void server_salts::move_to(const crypto::auth_key& key, std::int64_t half_hour) {
  if (half_hour == half_hour_) {
    return;
  }
  previous_ = half_hour == half_hour_ + 1 && half_hour_ >= 0 ? current_ : derive_salt(key, half_hour - 1);
  current_ = derive_salt(key, half_hour);
  half_hour_ = half_hour;
}

std::uint64_t server_salts::current(const crypto::auth_key& key, unix_time now) {
  move_to(key, half_hour_of(now));
  return current_;
}

bool server_salts::accepts(const crypto::auth_key& key, std::uint64_t salt, unix_time now) {
  move_to(key, half_hour_of(now));
  if (salt == current_ || salt == previous_) {
    return true;
  }
  if (now < first_.valid_until && salt == first_.salt) {
    return true;
  }
  const std::int64_t soon = half_hour_of(std::int64_t{now} + early_seconds);
  return soon != half_hour_ && salt == derive_salt(key, soon);
}

std::string server_salts::future_salts(const crypto::auth_key& key, msg_id request, std::int32_t wanted,
                                       unix_time now) {
  const auto count = std::clamp<std::int32_t>(wanted, 1, static_cast<std::int32_t>(limits::future_salts_max));
  std::string body;
  tl::writer out(body);
  out.write_id(constructor::future_salts);
  out.write_long(static_cast<std::int64_t>(request.value()));
  out.write_int(now);
  out.write_int(count);
  for (std::int64_t half_hour = half_hour_of(now); half_hour < half_hour_of(now) + count; ++half_hour) {
    out.write_int(static_cast<std::int32_t>(half_hour * seconds_per_salt));
    out.write_int(static_cast<std::int32_t>(half_hour * seconds_per_salt + seconds_valid));
    out.write_long(static_cast<std::int64_t>(derive_salt(key, half_hour)));
  }
  return body;
}

} // namespace godwit::mtproto
