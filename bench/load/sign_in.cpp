#include "bench/load/sign_in.hpp"

#include <cstdio>
#include <memory>
#include <utility>

#include "bench/load/load_client.hpp"
#include "protocol/tl/api/auth.hpp"
#include "protocol/tl/api/auth_fn.hpp"
#include "protocol/tl/api/config_fn.hpp"
#include "protocol/tl/api/updates_fn.hpp"
#include "protocol/tl/reader.hpp"

namespace godwit::bench {
namespace {

/// One sign-in; the callbacks of its calls keep it alive.
struct flow : std::enable_shared_from_this<flow> {
  load_client& client;
  std::string phone;
  std::function<void(std::string)> done;
  std::string code_hash;

  flow(load_client& of, std::function<void(std::string)> then) : client(of), done(std::move(then)) {}

  /// Goes on with `next`, unless the answer is an error.
  void ask(const tl::fn::function& what, void (flow::*next)(const mtproto::client_answer&), bool init = false) {
    client.call(
      what,
      [self = shared_from_this(), next, name = what.kind()](const mtproto::client_answer& answer) {
        if (answer.is_error) {
          char method[16];
          std::snprintf(method, sizeof(method), "%08x", name);
          self->done(std::string(method) + ": " + answer.error_text);
        } else {
          (self.get()->*next)(answer);
        }
      },
      init);
  }

  void begin() { ask(tl::fn::help_getConfig{}, &flow::send_code, true); }

  void send_code(const mtproto::client_answer&) {
    tl::fn::auth_sendCode what;
    what.phone_number = phone;
    what.api_id = 17;
    what.api_hash = "hash";
    what.settings = tl::make<tl::codeSettings>();
    ask(what, &flow::sign_in);
  }

  void sign_in(const mtproto::client_answer& answer) {
    tl::reader in(answer.result.bytes());
    const auto sent = tl::auth_SentCode::fetch(in);
    const auto* code = tl::as<tl::auth_sentCode>(sent);
    if (code == nullptr) {
      done("auth.sendCode answered something else");
      return;
    }
    code_hash = code->phone_code_hash;
    tl::fn::auth_signIn what;
    what.phone_number = phone;
    what.phone_code_hash = code_hash;
    what.phone_code = std::string(5, phone.at(5));
    ask(what, &flow::sign_up);
  }

  void sign_up(const mtproto::client_answer& answer) {
    tl::reader in(answer.result.bytes());
    const auto result = tl::auth_Authorization::fetch(in);
    if (tl::as<tl::auth_authorization>(result) != nullptr) {
      get_state(answer);
      return;
    }
    tl::fn::auth_signUp what;
    what.phone_number = phone;
    what.phone_code_hash = code_hash;
    what.first_name = "Load";
    ask(what, &flow::get_state);
  }

  void get_state(const mtproto::client_answer&) { ask(tl::fn::updates_getState{}, &flow::end); }
  void end(const mtproto::client_answer&) { done({}); }
};

} // namespace

std::string phone_of(std::uint32_t account) {
  char phone[16];
  std::snprintf(phone, sizeof(phone), "999661%07u", account % 10'000'000);
  return phone;
}

void sign_in(load_client& client, std::uint32_t account, std::function<void(std::string)> done) {
  const auto made = std::make_shared<flow>(client, std::move(done));
  made->phone = phone_of(account);
  made->begin();
}

void resume(load_client& client, std::function<void(std::string)> done) {
  const auto made = std::make_shared<flow>(client, std::move(done));
  made->ask(tl::fn::updates_getState{}, &flow::end, true);
}

} // namespace godwit::bench
