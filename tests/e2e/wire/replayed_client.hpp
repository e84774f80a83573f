#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "protocol/tl/api/forward.hpp"
#include "tests/e2e/wire/wire_node.hpp"

namespace godwit::test {

/// How a client treats a call of its start-up.
enum class need : std::uint8_t {
  answer,    ///< it goes no further without a result
  tolerated, ///< an error with code 400 will do
};

/// Around which queries a client puts invokeWithLayer and initConnection.
enum class wrapping : std::uint8_t {
  first,          ///< the first of a session alone
  until_answered, ///< all, until one has been answered
};

/// What the clients in the field differ in.
struct client_profile {
  std::string name;
  layer_t layer = 0;
  mtproto::transport_kind transport;
  std::int32_t dc = 2;
  bool tells_dc = true; ///< p_q_inner_data_dc
  bool rsa_pad = true;
  wrapping wraps = wrapping::first;
  client_device device;
  std::size_t pack_above_bytes = 0;
  std::uint64_t number = 0; ///< whose account
};

client_profile profile_of(std::string name, layer_t layer, mtproto::transport_kind transport);

/// A client at work. Calls are queued and go out together, as those of a real client do; the answers are
/// parsed completely and written again at the client's layer, which must give the same bytes: no constructor of
/// another layer, nothing left over.
class replayed_client {
public:
  replayed_client(wire_node& node, client_profile profile);

  template <class F>
  using look = std::function<void(const typename F::result&)>;

  /// Queues a call.
  template <class F>
  void ask(need wanted, const F& what, look<F> then = {}) {
    queue(std::string(F::name), wanted, wire.bytes(what), [layer = profile.layer, then](std::string_view bytes) {
      tl::reader in(bytes);
      const auto result = F::fetch_result(in, layer);
      if (!in.finish()) {
        return std::string("does not parse");
      }
      std::string again;
      tl::writer out(again);
      F::store_result(out, result, layer);
      if (!out.ok() || again != bytes) {
        return std::string("is not of this layer");
      }
      if (then) {
        then(result);
      }
      return std::string();
    });
  }
  /// Queues a call whose fields may all stay as they are made.
  template <class F>
  void ask(need wanted) {
    ask(wanted, F());
  }
  /// Sends what is queued and checks every answer.
  void settle();
  template <class F>
  void must(const F& what, look<F> then = {}) {
    ask(need::answer, what, std::move(then));
    settle();
  }
  /// A call that must be refused just so.
  void refused(const tl::fn::function& what, std::int32_t code, const std::string& text);

  // --- what several clients do ---

  [[nodiscard]] mtproto::client_handshake_options exchange_options(bool temporary = false) const;
  /// A permanent key on the connection there is, and a session of it.
  void make_key();
  /// Begins again as a new process does: new connection, new session, same key.
  void resume();
  void get_config();
  /// auth.sendCode; then auth.signIn and, for a number without account, auth.signUp.
  void sign_in();
  void get_state();
  void get_difference();
  void get_self();
  /// messages.getDialogs and, with it, messages.getPinnedDialogs of a folder.
  void load_chats(std::int32_t folder, std::int32_t limit);
  void get_notify_settings();
  /// get_future_salts, and what comes of it.
  void get_future_salts(std::int32_t count);
  /// Queues get_future_salts; check_future_salts() then.
  void queue_future_salts(std::int32_t count);
  void check_future_salts();
  void check_user(const tl::User* user);
  void check_difference(const tl::updates_Difference* difference);

  wire_node& node;
  client_profile profile;
  socket_client wire;
  mtproto::new_auth_key permanent;
  /// Constructor of the answer that is looked at.
  std::uint32_t constructor = 0;
  bool differences_may_be_cut = true; ///< false: updates.differenceTooLong is not understood
  std::int64_t user = 0;
  std::int32_t pts = 0;
  std::int32_t qts = 0;
  std::int32_t date = 0;

private:
  using check = std::function<std::string(std::string_view)>;
  struct waiting_call {
    std::string name;
    need wanted;
    mtproto::client_call call;
    check problem;
  };

  void queue(std::string name, need wanted, const std::string& query, check problem);
  void check_config(const tl::config& config);
  void check_dialogs(const tl::messages_Dialogs* dialogs, std::int32_t folder);

  std::vector<waiting_call> waiting_;
  bool wrapped_one_ = false;
  bool answered_one_ = false;
  msg_id salts_query_;
  std::int32_t salts_wanted_ = 0;
};

/// Seconds since 1970.
std::int32_t seconds_now();
tl::box<tl::InputUser> myself();
/// gzip_packed that holds a zlib stream, as TDLib sends them.
std::string zlib_packed(std::string_view content);

} // namespace godwit::test
