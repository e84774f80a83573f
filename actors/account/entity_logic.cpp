#include "actors/account/entity_logic.hpp"

#include "actors/account/account_options.hpp"
#include "actors/account/auth_key_logic.hpp"
#include "actors/account/phone_logic.hpp"
#include "actors/account/user_logic.hpp"

namespace godwit::account {

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

std::unique_ptr<entity_logic> make_logic(const cluster::entity_ref& self, const account_options& options) {
  switch (self.kind) {
  case cluster::entity_kind::user: return std::make_unique<user_logic>(self.id, options);
  case cluster::entity_kind::phone: return std::make_unique<phone_logic>(self.id, options);
  case cluster::entity_kind::auth_key: return std::make_unique<auth_key_logic>(self.id, options);
  }
  return nullptr;
}

} // namespace godwit::account
