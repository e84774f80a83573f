#include "actors/box/box_keys.hpp"

#include <concepts>

namespace godwit::box {
namespace {

constexpr std::uint64_t sign_bit = std::uint64_t{1} << 63;
constexpr int ids_per_step_bits = 8;

template <std::unsigned_integral Number>
void append(std::string& key, Number number) {
  for (int shift = static_cast<int>(sizeof(Number)) * 8 - 8; shift >= 0; shift -= 8) {
    key.push_back(static_cast<char>(static_cast<unsigned char>(number >> shift)));
  }
}

/// The number at the front, which is cut off. The key is long enough.
template <std::unsigned_integral Number>
Number take(std::string_view& key) {
  Number number = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i) {
    number = static_cast<Number>(number << 8 | static_cast<unsigned char>(key[i]));
  }
  key.remove_prefix(sizeof(Number));
  return number;
}

std::uint32_t bits(std::int32_t number) { return static_cast<std::uint32_t>(number); }
std::uint64_t bits(user_id peer) { return static_cast<std::uint64_t>(peer.value()) ^ sign_bit; }

std::int32_t take_int(std::string_view& key) { return static_cast<std::int32_t>(take<std::uint32_t>(key)); }
user_id take_peer(std::string_view& key) {
  return user_id{static_cast<std::int64_t>(take<std::uint64_t>(key) ^ sign_bit)};
}

} // namespace

std::string peer_key(user_id peer) {
  std::string key;
  append(key, bits(peer));
  return key;
}

std::string message_key(user_id peer, message_id id) {
  std::string key;
  append(key, bits(peer));
  append(key, bits(id));
  return key;
}

std::string place_key(message_id id) {
  std::string key;
  append(key, bits(id));
  return key;
}

std::string update_key(std::int32_t pts, std::int32_t beside) {
  std::string key;
  append(key, bits(pts));
  append(key, bits(beside));
  return key;
}

std::string sent_key(std::int32_t day, std::int64_t random_id) {
  std::string key;
  append(key, bits(day));
  append(key, static_cast<std::uint64_t>(random_id));
  return key;
}

std::string order_key(message_id top, user_id peer) {
  std::string key;
  append(key, bits(top) >> ids_per_step_bits);
  append(key, bits(peer));
  return key;
}

std::string behind(std::string key) {
  while (!key.empty() && static_cast<unsigned char>(key.back()) == 0xff) {
    key.pop_back();
  }
  if (!key.empty()) {
    key.back() = static_cast<char>(static_cast<unsigned char>(key.back()) + 1);
  }
  return key;
}

std::optional<message_place> read_message_key(std::string_view key) {
  if (key.size() != 12) {
    return std::nullopt;
  }
  const user_id peer = take_peer(key);
  return message_place{peer, take_int(key)};
}

std::optional<user_id> read_peer_key(std::string_view key) {
  if (key.size() != 8) {
    return std::nullopt;
  }
  return take_peer(key);
}

std::optional<message_id> read_place_key(std::string_view key) {
  if (key.size() != 4) {
    return std::nullopt;
  }
  return take_int(key);
}

std::optional<update_place> read_update_key(std::string_view key) {
  if (key.size() != 8) {
    return std::nullopt;
  }
  const std::int32_t pts = take_int(key);
  return update_place{pts, take_int(key)};
}

std::optional<sent_place> read_sent_key(std::string_view key) {
  if (key.size() != 12) {
    return std::nullopt;
  }
  const std::int32_t day = take_int(key);
  return sent_place{day, static_cast<std::int64_t>(take<std::uint64_t>(key))};
}

std::optional<order_place> read_order_key(std::string_view key) {
  if (key.size() != 12) {
    return std::nullopt;
  }
  const auto first = static_cast<message_id>(take<std::uint32_t>(key) << ids_per_step_bits);
  return order_place{first, take_peer(key)};
}

} // namespace godwit::box
