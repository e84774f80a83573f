#include "actors/entity/entity_logic.hpp"

namespace godwit::entity {

std::string id_sub_key(std::uint64_t id) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<char>(static_cast<unsigned char>(id >> shift)));
  }
  return bytes;
}

std::optional<std::uint64_t> id_of_sub_key(std::string_view sub_key) {
  if (sub_key.size() != sizeof(std::uint64_t)) {
    return std::nullopt;
  }
  std::uint64_t id = 0;
  for (const char each : sub_key) {
    id = id << 8 | static_cast<unsigned char>(each);
  }
  return id;
}

} // namespace godwit::entity
