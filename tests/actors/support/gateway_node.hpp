#pragma once

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "actors/gateway/gateway.hpp"
#include "protocol/mtproto/handshake/client_handshake.hpp"
#include "protocol/mtproto/message/client_session.hpp"
#include "protocol/rpc_error.hpp"
#include "protocol/tl/object.hpp"
#include "tests/actors/support/fake_connection.hpp"
#include "tests/actors/support/world_router.hpp"
#include "tests/support/test_loop.hpp"
#include "tests/support/thread_loop.hpp"

namespace godwit::test {

/// A loop on virtual time that also waits for real threads, those of the handshake pool.
class waiting_loop final : public test_loop {
public:
  using test_loop::test_loop;

  /// Runs rounds until `done`. False after some seconds without.
  bool run_until(const std::function<bool()>& done);

protected:
  void wake() override;

private:
  std::mutex mutex_;
  std::condition_variable woken_;
  bool awake_ = false;
};

enum class second_loop : bool { absent, present };

/// A gateway over the real logic of accounts and keys, on a loop of virtual time and, where asked for, a second
/// one with a thread and time of its own.
class gateway_node {
public:
  explicit gateway_node(const std::function<void(actors::gateway_options&)>& change = {},
                        second_loop more = second_loop::absent);
  ~gateway_node();

  /// Ends every session and makes gateway and keys anew from what was committed, as a restart does.
  void restart();

  caf::actor_system_config config;
  caf::actor_system system{config};
  waiting_loop loop{system};
  world_router router{loop};
  std::unique_ptr<thread_loop> second;
  std::unique_ptr<actors::gateway> gate;
  std::vector<caf::actor> auth; ///< of each loop

  /// Runs a job on the second loop, and waits for it and what it had to do before.
  void on_second(const std::function<void()>& job);

  [[nodiscard]] const actors::gateway_loop& part() const { return gate->loop(0); }
  [[nodiscard]] static const crypto::rsa_private_key& server_key();
  /// What a client of this server begins a key exchange with.
  [[nodiscard]] static mtproto::client_handshake_options exchange_options();

private:
  void start();
  void stop();

  std::function<void(actors::gateway_options&)> change_;
};

/// A client with its key, its session and its connection, driving the node's loop as it goes.
class wire_client {
public:
  explicit wire_client(gateway_node& node, layer_t layer = 198);
  ~wire_client();

  // --- connections and keys ---

  void connect();
  void hang_up();
  /// A whole key exchange on the present connection. False: it failed or was refused.
  bool exchange(mtproto::client_handshake_options options);
  bool exchange();
  /// A session of this key, with this number.
  void open(std::uint64_t session);
  /// Packets that came are handed on.
  void pump();

  // --- calls ---

  using answer = rpc_result<std::string>;
  /// Sends now; wrapped into invokeWithLayer and initConnection if `init`.
  mtproto::client_call send(const tl::fn::function& what, bool init = false);
  mtproto::client_call send_raw(std::string body);
  void flush();
  /// What flush() would send, encrypted.
  std::vector<std::string> take_packets();
  /// The answer, once it came; fails the test after a while.
  mtproto::client_answer wait(mtproto::client_call call);
  mtproto::client_answer call(const tl::fn::function& what, bool init = false) { return wait(send(what, init)); }
  /// users.getUsers of the client itself.
  mtproto::client_call send_self();
  mtproto::client_answer call_self() { return wait(send_self()); }
  std::string wrapped(const std::string& query) const;
  std::string bytes(const tl::fn::function& what) const;

  /// help.getConfig with initConnection, sendCode, signIn and signUp of a test number. The user's id.
  std::int64_t sign_up(std::uint64_t number);

  gateway_node& node;
  layer_t layer;
  fake_connection_ptr connection;
  std::optional<mtproto::new_auth_key> key;
  std::unique_ptr<mtproto::client_session> session;
  std::map<mtproto::client_call, mtproto::client_answer> answers;
  mtproto::client_output seen; ///< pushes, pongs and service messages so far
  int new_sessions = 0;

private:
  void deliver(std::string packet);

  std::optional<mtproto::client_handshake> handshake_;
  mtproto::msg_id_source ids_;
  bool exchange_failed_ = false;
};

} // namespace godwit::test
