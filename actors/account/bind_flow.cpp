#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "actors/account/flow_parts.hpp"
#include "protocol/crypto/message_cipher.hpp"
#include "protocol/crypto/mtproto_v1.hpp"
#include "protocol/tl/api/auth_fn.hpp"

namespace godwit::account {
namespace {

namespace fn = tl::fn;
using function_ptr = std::unique_ptr<fn::function>;

/// bind_auth_key_inner#75a3f765 nonce:long temp_auth_key_id:long perm_auth_key_id:long temp_session_id:long
/// expires_at:int, https://core.telegram.org/method/auth.bindTempAuthKey
struct bind_inner {
  static constexpr std::uint32_t constructor = 0x75a3f765;
  static constexpr std::int32_t bytes = 40;

  std::int64_t message = 0;
  std::int64_t nonce = 0;
  std::uint64_t temporary_key = 0;
  std::uint64_t permanent_key = 0;
  std::uint64_t session = 0;
  std::int32_t expires_at = 0;
};

/// random:int128 message_id:long seqno:int length:int, then the body.
constexpr std::size_t head_bytes = 32;
constexpr std::size_t outer_bytes = 24; // auth_key_id, msg_key
constexpr std::size_t message_bytes_max = 1024;

/// Nothing when it was not made with this key, or is something else.
std::optional<bind_inner> open_message(const std::string& encrypted, const crypto::auth_key& key) {
  if (encrypted.size() < outer_bytes + head_bytes + bind_inner::bytes || encrypted.size() > message_bytes_max ||
      (encrypted.size() - outer_bytes) % 16 != 0) {
    return std::nullopt;
  }
  tl::reader outer(encrypted);
  if (static_cast<std::uint64_t>(outer.read_long()) != key.id().value()) {
    return std::nullopt;
  }
  crypto::msg_key message_key{};
  const auto shown = outer.read_raw(message_key.size());
  std::copy(shown.begin(), shown.end(), message_key.begin());
  const auto data = outer.rest();
  std::vector<std::uint8_t> plain(data.begin(), data.end());
  crypto::mtproto_v1::decrypt(key, message_key, plain, crypto::sender::client);
  // The key covers the message as long as it must be: another length fails here.
  const auto covered = crypto::bytes_view(plain).first(head_bytes + bind_inner::bytes);
  if (!crypto::equal(crypto::mtproto_v1::message_key(covered), message_key)) {
    return std::nullopt;
  }
  tl::reader in(covered);
  bind_inner inner;
  in.read_int128();
  inner.message = in.read_long();
  in.read_int(); // seqno: 0
  const bool fits = in.read_int() == bind_inner::bytes && in.read_id() == bind_inner::constructor;
  inner.nonce = in.read_long();
  inner.temporary_key = static_cast<std::uint64_t>(in.read_long());
  inner.permanent_key = static_cast<std::uint64_t>(in.read_long());
  inner.session = static_cast<std::uint64_t>(in.read_long());
  inner.expires_at = in.read_int();
  return fits && in.ok() ? std::optional(inner) : std::nullopt;
}

class bind_flow final : public running_flow {
public:
  bind_flow(const account_options& options, const flow_context& context, function_ptr call)
      : running_flow(options, context), call_(std::move(call)) {}

  flow_step begin() override {
    if (!context().temporary) {
      return fail(rpc_errc::temp_auth_key_empty);
    }
    if (call().expires_at <= context().now) {
      return fail(rpc_errc::expires_at_invalid);
    }
    command::KeyCommand request;
    request.mutable_lookup();
    return ask_key(permanent_key(), request,
                   [this](const std::string& reply) { return check(parsed<command::KeyFound>(reply)); });
  }

private:
  [[nodiscard]] const fn::auth_bindTempAuthKey& call() const {
    return static_cast<const fn::auth_bindTempAuthKey&>(*call_);
  }
  [[nodiscard]] auth_key_id permanent_key() const {
    return auth_key_id{static_cast<std::uint64_t>(call().perm_auth_key_id)};
  }

  flow_step check(const command::KeyFound& found) {
    crypto::auth_key key;
    if (!found.found() || found.temporary() || found.key().size() != key.bytes.size()) {
      return fail(rpc_errc::encrypted_message_invalid);
    }
    std::memcpy(key.bytes.data(), found.key().data(), key.bytes.size());
    const auto inner = open_message(call().encrypted_message, key);
    if (!inner || static_cast<std::uint64_t>(inner->message) != context().message.value() ||
        inner->nonce != call().nonce || inner->temporary_key != context().used_key.value() ||
        inner->permanent_key != permanent_key().value() || inner->session != context().session.value() ||
        inner->expires_at != call().expires_at) {
      return fail(rpc_errc::encrypted_message_invalid);
    }
    command::KeyCommand request;
    request.mutable_bind_temp()->set_permanent_key(permanent_key().value());
    request.mutable_bind_temp()->set_expires_at(call().expires_at);
    return ask_key(context().used_key, request,
                   [this](const std::string& reply) { return note(parsed<command::TempBound>(reply).expires_at()); });
  }

  flow_step note(unix_time expires_at) {
    command::KeyCommand request;
    request.mutable_add_temp()->set_temporary_key(context().used_key.value());
    request.mutable_add_temp()->set_expires_at(expires_at);
    return ask_key(permanent_key(), request, [this, expires_at](const std::string&) -> flow_step {
      std::string bytes;
      tl::writer(bytes).write_bool(true);
      return flow_done{std::move(bytes), temp_key_bound{permanent_key(), expires_at}};
    });
  }

  function_ptr call_;
};

class destroy_flow final : public running_flow {
public:
  using running_flow::running_flow;

  flow_step begin() override {
    if (++rounds_ > rounds_max) {
      return fail(rpc_errc::rpc_call_fail);
    }
    command::KeyCommand request;
    request.mutable_destroy();
    return ask_key(context().used_key, request, [this](const std::string& reply) -> flow_step {
      const auto destroyed = parsed<command::KeyDestroyed>(reply);
      if (destroyed.authorization() != 0) {
        return end_login(user_id{destroyed.user()}, authorization_id{destroyed.authorization()});
      }
      flow_done done{std::string(destroyed.existed() ? 1 : 0, '\1'), {}};
      if (!context().temporary) {
        done.change = login_changed{}; // the login of the permanent key does not end with a temporary one
      }
      return done;
    });
  }

private:
  static constexpr int rounds_max = 3;

  flow_step end_login(user_id whom, authorization_id login) {
    command::UserCommand request;
    request.mutable_log_out()->set_authorization(login.value());
    return ask_user(whom, request, [this, whom, login](const std::string&) {
      command::KeyCommand unbind;
      unbind.mutable_unbind_user()->set_user(whom.value());
      unbind.mutable_unbind_user()->set_authorization(login.value());
      return ask_key(context().used_key, unbind, [this](const std::string&) { return begin(); });
    });
  }

  int rounds_ = 0;
};

} // namespace

std::unique_ptr<running_flow> make_bind_flow(const account_options& options, const flow_context& context,
                                             function_ptr call) {
  return std::make_unique<bind_flow>(options, context, std::move(call));
}

std::unique_ptr<running_flow> make_destroy_flow(const account_options& options, const flow_context& context) {
  return std::make_unique<destroy_flow>(options, context);
}

} // namespace godwit::account
