#include "actors/account/method_scope.hpp"

#include "actors/account/empty_answers.hpp"
#include "actors/box/user_box.hpp"
#include "actors/people/people.hpp"
#include "protocol/tl/api/account_fn.hpp"
#include "protocol/tl/api/auth_fn.hpp"
#include "protocol/tl/api/config_fn.hpp"
#include "protocol/tl/api/help_fn.hpp"
#include "protocol/tl/api/langpack_fn.hpp"
#include "protocol/tl/api/stickers_fn.hpp"
#include "protocol/tl/methods.hpp"

namespace godwit::account {

method_scope scope_of(std::uint32_t constructor) {
  namespace fn = tl::fn;
  const tl::method_info* method = tl::find_method(constructor);
  if (method == nullptr) {
    return method_scope::unknown;
  }
  switch (method->kind) {
  case fn::help_getConfig::kind_id:
  case fn::help_getAppConfig::kind_id:
  case fn::help_getNearestDc::kind_id:
  case fn::help_getCdnConfig::kind_id:
  case fn::help_getAppUpdate::kind_id:
  case fn::langpack_getLangPack::kind_id:
  case fn::langpack_getDifference::kind_id:
  case fn::langpack_getStrings::kind_id:
  case fn::langpack_getLanguages::kind_id: return method_scope::anonymous_static;
  case fn::messages_getStickerSet::kind_id: return method_scope::static_needs_login;
  case fn::auth_sendCode::kind_id:
  case fn::auth_resendCode::kind_id:
  case fn::auth_cancelCode::kind_id:
  case fn::auth_signIn::kind_id:
  case fn::auth_signUp::kind_id:
  case fn::auth_logOut::kind_id:
  case fn::auth_bindTempAuthKey::kind_id: return method_scope::auth_flow;
  case fn::account_getAuthorizations::kind_id:
  case fn::account_resetAuthorization::kind_id:
  case fn::auth_resetAuthorizations::kind_id: return method_scope::user;
  default: break;
  }
  if (people::people::takes(method->kind) || box::user_box::takes(method->kind)) {
    return method_scope::user;
  }
  switch (empty_kind_of(method->kind)) {
  case empty_kind::of_account: return method_scope::user;
  case empty_kind::of_everybody: return method_scope::static_needs_login;
  case empty_kind::none: break;
  }
  return method_scope::unknown;
}

} // namespace godwit::account
