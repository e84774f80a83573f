#include "actors/account/entity_logic.hpp"

#include "actors/account/account_options.hpp"
#include "actors/account/auth_key_logic.hpp"
#include "actors/account/phone_logic.hpp"
#include "actors/account/user_logic.hpp"
#include "actors/people/username_logic.hpp"

namespace godwit::account {

std::unique_ptr<entity_logic> make_logic(const cluster::entity_ref& self, const account_options& options) {
  switch (self.kind) {
  case cluster::entity_kind::user: return std::make_unique<user_logic>(self.id, options);
  case cluster::entity_kind::phone: return std::make_unique<phone_logic>(self.id, options);
  case cluster::entity_kind::auth_key: return std::make_unique<auth_key_logic>(self.id, options);
  case cluster::entity_kind::username: return people::make_username_logic(self);
  default: return nullptr; // the cluster's own
  }
}

} // namespace godwit::account
