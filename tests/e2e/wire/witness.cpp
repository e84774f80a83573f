#include "tests/e2e/wire/witness.hpp"

#include <chrono>

#include "protocol/tl/api/auth.hpp"
#include "protocol/tl/api/auth_fn.hpp"
#include "protocol/tl/api/config.hpp"
#include "protocol/tl/api/config_fn.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/user.hpp"
#include "protocol/tl/api/users.hpp"
#include "protocol/tl/api/users_fn.hpp"

namespace godwit::test {
namespace {

namespace fn = tl::fn;
using clock_type = std::chrono::steady_clock;
using namespace std::chrono_literals;

/// About twenty rounds in a second: an honest client, far below any limit.
constexpr auto pause = 50ms;

} // namespace

socket_client_options canary_options(const wire_node& node) {
  socket_client_options options;
  options.to = node.address();
  options.transport = {mtproto::framing::abridged, true};
  options.device.device_model = canary::device;
  return options;
}

bool sign_up(const wire_node& node, socket_client& client, std::uint64_t number) {
  const auto key = client.exchange(node.exchange_options());
  if (!key) {
    return false;
  }
  client.open(*key);
  if (client.call(fn::help_getConfig(), true).is_error) {
    return false;
  }
  fn::auth_sendCode code;
  code.phone_number = "+" + std::to_string(number);
  code.api_id = 17;
  code.api_hash = "hash";
  code.settings = tl::make<tl::codeSettings>();
  const mtproto::client_answer sent = client.call(code);
  tl::reader in(sent.result.bytes());
  const auto result = tl::auth_SentCode::fetch(in);
  const auto* details = tl::as<tl::auth_sentCode>(result);
  if (sent.is_error || details == nullptr) {
    return false;
  }
  fn::auth_signIn sign_in;
  sign_in.phone_number = code.phone_number;
  sign_in.phone_code_hash = details->phone_code_hash;
  sign_in.phone_code = std::string(5, code.phone_number.at(6));
  const mtproto::client_answer known = client.call(sign_in);
  if (known.is_error) {
    return false;
  }
  tl::reader known_in(known.result.bytes());
  if (tl::as<tl::auth_authorization>(tl::auth_Authorization::fetch(known_in)) != nullptr) {
    return true;
  }
  fn::auth_signUp more;
  more.phone_number = code.phone_number;
  more.phone_code_hash = details->phone_code_hash;
  more.first_name = canary::first_name;
  return !client.call(more).is_error;
}

witness::witness(const wire_node& node) : node_(node), thread_([this] { run(); }) {}

witness::~witness() {
  ending_ = true;
  thread_.join();
}

std::string witness::complaint() const {
  const std::lock_guard lock(mutex_);
  return complaint_;
}

void witness::complain(const std::string& what) {
  const std::lock_guard lock(mutex_);
  if (complaint_.empty()) {
    complaint_ = "round " + std::to_string(rounds_) + ": " + what;
  }
}

void witness::run() {
  socket_client client(canary_options(node_));
  if (!sign_up(node_, client, canary::number)) {
    return complain("cannot sign up");
  }
  fn::users_getUsers self;
  self.id.push_back(tl::make<tl::inputUserSelf>());
  while (!ending_ && complaint().empty()) {
    const auto begin = clock_type::now();
    if (!client.ping()) {
      complain("no pong");
    }
    const mtproto::client_answer answer = client.call(self);
    if (answer.is_error) {
      complain(answer.error_text);
    }
    if (!client.is_connected() || client.new_sessions != 1) {
      complain("connection or session lost");
    }
    client.seen.clear();
    const double took = std::chrono::duration<double, std::milli>(clock_type::now() - begin).count();
    slowest_ms_ = std::max<double>(slowest_ms_, took);
    ++rounds_;
    std::this_thread::sleep_for(pause);
  }
}

} // namespace godwit::test
