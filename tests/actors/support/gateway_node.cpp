#include "tests/actors/support/gateway_node.hpp"

#include <caf/send.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <utility>
#include <variant>

#include "protocol/mtproto/message/envelope.hpp"
#include "protocol/tl/api/auth.hpp"
#include "protocol/tl/api/auth_fn.hpp"
#include "protocol/tl/api/call_fn.hpp"
#include "protocol/tl/api/config.hpp"
#include "protocol/tl/api/config_fn.hpp"
#include "protocol/tl/api/help_fn.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/users_fn.hpp"
#include "tests/actors/account/account_client.hpp"

namespace godwit::test {
namespace {

constexpr auto patience = std::chrono::seconds(20);

class one_packet final : public mtproto::packet_sink {
public:
  std::span<std::uint8_t> open(std::size_t size) override {
    std::string& made = packets.emplace_back(size, '\0');
    return {reinterpret_cast<std::uint8_t*>(made.data()), size};
  }
  std::vector<std::string> packets;
};

} // namespace

bool waiting_loop::run_until(const std::function<bool()>& done) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    run();
    if (done()) {
      return true;
    }
    std::unique_lock lock(mutex_);
    if (!woken_.wait_until(lock, deadline, [this] { return awake_; })) {
      return false;
    }
    awake_ = false;
  }
}

void waiting_loop::wake() {
  {
    const std::lock_guard lock(mutex_);
    awake_ = true;
  }
  woken_.notify_one();
}

// --- node -----------------------------------------------------------------------------------------

const crypto::rsa_private_key& gateway_node::server_key() {
  static const crypto::rsa_private_key key = crypto::rsa_private_key::generate().value();
  return key;
}

mtproto::client_handshake_options gateway_node::exchange_options() {
  mtproto::client_handshake_options options;
  options.server_keys = {server_key().public_key()};
  return options;
}

gateway_node::gateway_node(const std::function<void(actors::gateway_options&)>& change, second_loop more)
    : change_(change) {
  if (more == second_loop::present) {
    second = std::make_unique<thread_loop>(system);
  }
  router.world.options.test_numbers = true;
  start();
}

gateway_node::~gateway_node() {
  // They look at what the test had on its stack.
  router.unavailable = nullptr;
  router.hold = nullptr;
  router.change = nullptr;
  stop();
}

void gateway_node::start() {
  actors::gateway_options options;
  options.server_keys =
    std::make_shared<const std::vector<crypto::rsa_private_key>>(std::vector<crypto::rsa_private_key>{server_key()});
  options.accounts = std::shared_ptr<const account::account_options>(&router.world.options, [](const auto*) {});
  options.handshake_threads = 1;
  if (change_) {
    change_(options);
  }
  std::vector<cluster::home_loop*> loops{&loop};
  if (second) {
    loops.push_back(second.get());
  }
  gate = std::make_unique<actors::gateway>(loops, router, std::move(options));
  for (std::size_t i = 0; i < loops.size(); ++i) {
    auth.push_back(gate->spawn_auth(i));
  }
  loop.run();
}

void gateway_node::stop() {
  gate->end_now();
  const auto come_round = [this] {
    loop.run();
    for (int i = 0; second && i < 3; ++i) {
      on_second([] {});
    }
  };
  come_round();
  EXPECT_TRUE(gate->stopped());
  for (const caf::actor& each : std::exchange(auth, {})) {
    caf::anon_send_exit(each, caf::exit_reason::user_shutdown);
  }
  come_round();
  gate = nullptr;
}

void gateway_node::on_second(const std::function<void()>& job) {
  std::promise<void> done;
  second->post([&] {
    job();
    done.set_value();
  });
  done.get_future().wait();
}

void gateway_node::restart() {
  stop();
  router.world.restart();
  loop.advance(1000); // the ids of messages are made from the time, and a new session begins anew
  start();
}

// --- client ---------------------------------------------------------------------------------------

wire_client::wire_client(gateway_node& with, layer_t of) : node(with), layer(of) { connect(); }

wire_client::~wire_client() { hang_up(); }

void wire_client::connect() {
  hang_up();
  connection = caf::make_counted<fake_connection>(node.loop);
  node.gate->accepted(connection);
  node.loop.run();
  if (session) {
    session->reconnected();
  }
}

void wire_client::hang_up() {
  if (connection != nullptr) {
    std::exchange(connection, nullptr)->hang_up();
    node.loop.run();
  }
}

void wire_client::deliver(std::string packet) { connection->deliver(std::move(packet)); }

bool wire_client::exchange() { return exchange(gateway_node::exchange_options()); }

bool wire_client::exchange(mtproto::client_handshake_options options) {
  handshake_.emplace(std::move(options), crypto::system_random());
  key.reset();
  exchange_failed_ = false;
  const std::string query = handshake_->start();
  deliver(mtproto::make_plain(ids_.next(node.loop.wall_time(), mtproto::msg_origin::client), crypto::as_bytes(query)));
  return node.loop.run_until([this] {
    pump();
    return key.has_value() || exchange_failed_ || connection->is_closed();
  }) && key.has_value();
}

void wire_client::open(std::uint64_t id) {
  mtproto::client_session::options options;
  options.id = session_id(id);
  options.key = std::make_shared<const crypto::auth_key>(key->key);
  options.salt = static_cast<std::uint64_t>(key->server_salt);
  options.random = &crypto::system_random();
  session = std::make_unique<mtproto::client_session>(options);
}

void wire_client::pump() {
  if (connection == nullptr) {
    return;
  }
  for (actors::outgoing_packet& each : connection->take_sent()) {
    const std::span bytes(reinterpret_cast<const std::uint8_t*>(each.bytes.data()), each.bytes.size());
    if (each.key == nullptr) {
      const auto plain = mtproto::parse_plain(bytes);
      ASSERT_TRUE(plain.has_value());
      auto step = handshake_->handle(crypto::as_text(plain->body));
      if (!step) {
        exchange_failed_ = true;
      } else if (auto* const done = std::get_if<mtproto::new_auth_key>(&*step)) {
        key = *done;
      } else {
        deliver(mtproto::make_plain(ids_.next(node.loop.wall_time(), mtproto::msg_origin::client),
                                    crypto::as_bytes(std::get<mtproto::handshake_query>(*step).body)));
      }
      continue;
    }
    ASSERT_EQ(mtproto::key_of(bytes), each.key->id());
    const auto inner = mtproto::parse_inner(
      mtproto::buffer_slice(mtproto::shared_buffer::copy_of(bytes)).part(mtproto::outer_header_bytes));
    ASSERT_TRUE(inner.has_value());
    if (session == nullptr || inner->session != session->id()) {
      continue;
    }
    session->receive(*inner, node.loop.wall_time(), seen);
    EXPECT_FALSE(seen.broken);
    new_sessions += std::exchange(seen.new_session, false) ? 1 : 0;
    for (mtproto::client_answer& answered : std::exchange(seen.answers, {})) {
      answers[answered.call] = std::move(answered);
    }
  }
}

void wire_client::flush() {
  for (std::string& packet : take_packets()) {
    deliver(std::move(packet));
  }
}

std::vector<std::string> wire_client::take_packets() {
  one_packet sink;
  session->flush(node.loop.wall_time(), sink);
  for (std::string& packet : sink.packets) {
    const std::span bytes(reinterpret_cast<std::uint8_t*>(packet.data()), packet.size());
    crypto::cipher_job job = mtproto::seal_job(bytes, key->id, key->key, crypto::sender::client);
    crypto::encrypt({&job, 1});
    mtproto::finish_seal(job);
  }
  return std::move(sink.packets);
}

std::string wire_client::bytes(const tl::fn::function& what) const { return account::testing::call_bytes(what, layer); }

std::string wire_client::wrapped(const std::string& query) const {
  tl::fn::initConnection inner;
  inner.api_id = 17;
  inner.device_model = "Test";
  inner.system_version = "Linux";
  inner.app_version = "1.0";
  inner.system_lang_code = "en";
  inner.lang_code = "en";
  inner.query = query;
  const std::string inited = bytes(inner);
  tl::fn::invokeWithLayer outer;
  outer.layer = layer;
  outer.query = inited;
  return bytes(outer);
}

mtproto::client_call wire_client::send_raw(std::string body) {
  const mtproto::client_call made = session->call(std::move(body));
  flush();
  return made;
}

mtproto::client_call wire_client::send_self() {
  tl::fn::users_getUsers self;
  self.id.push_back(tl::make<tl::inputUserSelf>());
  return send(self);
}

mtproto::client_call wire_client::send(const tl::fn::function& what, bool init) {
  return send_raw(init ? wrapped(bytes(what)) : bytes(what));
}

mtproto::client_answer wire_client::wait(mtproto::client_call call) {
  for (int tries = 0; tries < 40; ++tries) {
    node.loop.run();
    pump();
    if (const auto at = answers.find(call); at != answers.end()) {
      return at->second;
    }
    if (session->has_output()) {
      flush();
    } else {
      node.loop.advance(50); // acknowledgements, and calls asked again, wait for time to pass
    }
  }
  ADD_FAILURE() << "no answer came";
  return {};
}

std::int64_t wire_client::sign_up(std::uint64_t number) {
  const std::string phone = std::to_string(number);
  EXPECT_FALSE(call(tl::fn::help_getConfig{}, true).is_error);
  tl::fn::auth_sendCode code;
  code.phone_number = phone;
  code.api_id = 17;
  code.api_hash = "hash";
  code.settings = tl::make<tl::codeSettings>();
  const mtproto::client_answer sent = call(code);
  EXPECT_FALSE(sent.is_error) << sent.error_text;
  const std::string hash = account::testing::hash_in(std::string(sent.result.text()));
  tl::fn::auth_signIn sign_in;
  sign_in.phone_number = phone;
  sign_in.phone_code_hash = hash;
  sign_in.phone_code = std::string(5, phone.at(5));
  mtproto::client_answer in = call(sign_in);
  EXPECT_FALSE(in.is_error) << in.error_text;
  if (account::testing::user_in(std::string(in.result.text())) == 0) {
    tl::fn::auth_signUp sign;
    sign.phone_number = phone;
    sign.phone_code_hash = hash;
    sign.first_name = "Ada";
    in = call(sign);
    EXPECT_FALSE(in.is_error) << in.error_text;
  }
  return account::testing::user_in(std::string(in.result.text()));
}

} // namespace godwit::test
