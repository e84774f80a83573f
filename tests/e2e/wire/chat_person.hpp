#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "protocol/tl/api/forward.hpp"
#include "protocol/tl/api/message_fn.hpp"
#include "protocol/tl/reader.hpp"
#include "protocol/tl/writer.hpp"
#include "tests/e2e/wire/wire_node.hpp"

namespace godwit::test {

/// What came of a call of F.
template <class F>
struct chat_answer {
  std::string error; ///< empty: there is a result
  std::optional<typename F::result> result;
};

/// A call that was sent.
struct pending_call {
  std::string name;
  mtproto::client_call call = 0;
};

/// A message of a history.
struct line {
  std::string text;
  bool out = false;
  bool operator==(const line&) const = default;
};

/// Somebody with a session, who writes to others. Each answer is checked: an error is one that a client can act on,
/// never silence and never 5xx; a result parses to its last byte, and gives the same bytes again at the session's
/// layer.
class person {
public:
  /// Signs up, or signs in where the number has an account.
  person(const wire_node& node, std::uint64_t number, layer_t layer = 198);
  ~person();

  template <class F>
  pending_call start(const F& what) {
    return {std::string(F::name), client->session->call(client->bytes(what))};
  }
  template <class F>
  chat_answer<F> finish(const pending_call& which) {
    const mtproto::client_answer answer = client->wait(which.call);
    chat_answer<F> came;
    if (answer.is_error) {
      came.error = checked_error(which, answer);
      return came;
    }
    tl::reader in(answer.result.bytes());
    auto result = F::fetch_result(in, client->options.layer);
    std::string again;
    tl::writer out(again);
    if (in.finish()) {
      F::store_result(out, result, client->options.layer);
    }
    EXPECT_TRUE(in.finish() && out.ok() && again == answer.result.text())
      << which.name << " at layer " << client->options.layer << ": not of this layer, or bytes are left over";
    came.result = std::move(result);
    return came;
  }
  template <class F>
  chat_answer<F> ask(const F& what) {
    return finish<F>(start(what));
  }
  /// The error of a call; empty: none.
  template <class F>
  std::string error_of(const F& what) {
    return ask(what).error;
  }
  /// The same of bytes that no client makes.
  std::string error_of_bytes(const std::string& query);

  /// Becomes acquainted: imports the contact.
  void meet(const person& other);
  [[nodiscard]] std::int64_t hash_of(const person& other) const { return hashes_.at(other.id); }
  /// How to address somebody one has met, or oneself.
  [[nodiscard]] tl::box<tl::InputPeer> peer(const person& other) const;
  [[nodiscard]] tl::box<tl::InputUser> user(const person& other) const;

  [[nodiscard]] tl::box<tl::fn::messages_sendMessage> message(const person& to, const std::string& text);
  /// Sends a text. The number of the message; 0: refused.
  std::int32_t say(const person& to, const std::string& text);
  std::int64_t fresh_random_id() { return ++last_random_id_; }

  /// The whole dialog, by the numbers of its messages.
  std::map<std::int32_t, line> history_with(const person& other);
  std::int32_t pts();

  std::unique_ptr<socket_client> client;
  std::uint64_t number;
  std::int64_t id = 0;

private:
  static std::string checked_error(const pending_call& which, const mtproto::client_answer& answer);

  std::map<std::int64_t, std::int64_t> hashes_;
  std::int64_t last_random_id_;
};

/// Of what is sent the number that it got; 0 where there is none.
std::int32_t sent_id(const tl::Updates* updates);
tl::box<tl::InputPeer> peer_of(std::int64_t id, std::int64_t access_hash);
tl::box<tl::InputUser> user_of(std::int64_t id, std::int64_t access_hash);
tl::box<tl::InputDialogPeer> dialog_peer(tl::box<tl::InputPeer> peer);

/// Waits for something that others do, asking ever less often: a session may ask only so much. Whether it came.
bool comes_true(const std::function<bool()>& what);
/// The texts of a history, oldest first.
std::vector<std::string> texts_of(const std::map<std::int32_t, line>& history);
/// Waits until each of the two has just these texts in the dialog with the other, oldest first.
void expect_dialog(person& one, person& other, const std::vector<std::string>& texts);
/// What a new device is told of by getDifference from the beginning is what the histories with all peers hold, and
/// every dialog counts as unread what is: nothing was half done.
void expect_consistent(person& who, const std::vector<const person*>& peers);

} // namespace godwit::test
