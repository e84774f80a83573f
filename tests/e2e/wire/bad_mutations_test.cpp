// Valid packets, changed at random, over a real connection.

#include <array>
#include <functional>
#include <iostream>
#include <vector>

#include "protocol/mtproto/message/constructors.hpp"
#include "protocol/mtproto/message/gzip.hpp"
#include "protocol/tl/api/account.hpp"
#include "protocol/tl/api/account_fn.hpp"
#include "protocol/tl/api/auth.hpp"
#include "protocol/tl/api/auth_fn.hpp"
#include "protocol/tl/api/config.hpp"
#include "protocol/tl/api/config_fn.hpp"
#include "protocol/tl/api/dialog.hpp"
#include "protocol/tl/api/dialog_fn.hpp"
#include "protocol/tl/api/peer.hpp"
#include "protocol/tl/api/update.hpp"
#include "protocol/tl/api/updates.hpp"
#include "protocol/tl/api/updates_fn.hpp"
#include "protocol/tl/api/user.hpp"
#include "protocol/tl/api/user_full.hpp"
#include "protocol/tl/api/users.hpp"
#include "protocol/tl/api/users_fn.hpp"
#include "tests/e2e/wire/bad_input.hpp"

namespace godwit::test {
namespace {

namespace fn = tl::fn;
namespace constructor = mtproto::constructor;

constexpr std::uint64_t number = 99'966'840'000;
/// A number that nobody here signs in with: the attempts on it add up.
constexpr std::uint64_t attacked_number = 99'966'850'000;

std::string service(std::uint32_t id, std::int64_t argument) {
  std::string body;
  tl::writer out(body);
  out.write_id(id);
  out.write_long(argument);
  return body;
}

std::string with_ids(std::uint32_t id, std::int64_t one) {
  std::string body;
  tl::writer out(body);
  out.write_id(id);
  out.write_vector(2);
  out.write_long(one);
  out.write_long(one - 4);
  return body;
}

/// Bodies of everything that a client sends.
std::vector<std::string> valid_bodies(const socket_client& client) {
  std::vector<std::string> all;
  fn::users_getUsers users;
  users.id.push_back(tl::make<tl::inputUserSelf>());
  all.push_back(client.bytes(users));
  fn::users_getFullUser full;
  full.id = tl::make<tl::inputUserSelf>();
  all.push_back(client.bytes(full));
  fn::messages_getDialogs dialogs;
  dialogs.offset_peer = tl::make<tl::inputPeerEmpty>();
  dialogs.limit = 100;
  all.push_back(client.bytes(dialogs));
  fn::updates_getDifference difference;
  difference.pts = difference.date = 1;
  all.push_back(client.bytes(difference));
  all.push_back(client.bytes(fn::updates_getState()));
  all.push_back(client.bytes(fn::help_getConfig()));
  all.push_back(client.bytes(fn::account_getAuthorizations()));
  fn::auth_sendCode code;
  code.phone_number = std::to_string(attacked_number);
  code.settings = tl::make<tl::codeSettings>();
  all.push_back(client.bytes(code));
  fn::auth_signIn sign_in;
  sign_in.phone_number = std::to_string(attacked_number);
  sign_in.phone_code_hash = "0123456789abcdef";
  sign_in.phone_code = "44444";
  all.push_back(client.bytes(sign_in));
  fn::auth_bindTempAuthKey bind;
  bind.encrypted_message = std::string(104, 'e');
  all.push_back(client.bytes(bind));
  const std::size_t queries = all.size();
  for (std::size_t i = 0; i < queries; ++i) {
    all.push_back(client.wrapped(all[i]));
    all.push_back(service(constructor::invoke_after_msg, static_cast<std::int64_t>(i)) + all[i]);
  }
  const std::string wrapped = client.wrapped(std::string(400, 'q'));
  all.push_back(*mtproto::pack_object({reinterpret_cast<const std::uint8_t*>(wrapped.data()), wrapped.size()}));
  for (const std::uint32_t id : {constructor::ping, constructor::destroy_session, constructor::rpc_drop_answer}) {
    all.push_back(service(id, 4711));
  }
  all.push_back(service(constructor::ping_delay_disconnect, 4711) + std::string("\x3c\0\0\0", 4));
  for (const std::uint32_t id : {constructor::msgs_ack, constructor::msgs_state_req, constructor::msg_resend_req}) {
    all.push_back(with_ids(id, 4712));
  }
  all.push_back(std::string("\x04\xbd\x21\xb9\x10\0\0\0", 8)); // get_future_salts
  return all;
}

class mutator {
public:
  mutator(std::function<std::uint64_t(std::uint64_t)> dice) : dice_(std::move(dice)) {}

  void change(std::string& bytes) {
    for (std::uint64_t times = 1 + dice_(4); times > 0 && bytes.size() > 8; --times) {
      const std::size_t at = dice_(bytes.size());
      switch (dice_(6)) {
      case 0: bytes[at] = static_cast<char>(dice_(256)); break;
      case 1: bytes[at] ^= static_cast<char>(1 << dice_(8)); break;
      case 2: write_word(bytes, at, words_[dice_(words_.size())]); break;
      case 3: bytes.resize(at); break;
      case 4: bytes.insert(at, bytes.substr(dice_(bytes.size()), dice_(64))); break;
      default: bytes.erase(at, 4 * (1 + dice_(4))); break;
      }
    }
  }

private:
  static void write_word(std::string& bytes, std::size_t at, std::uint32_t word) {
    at &= ~std::size_t{3};
    for (std::size_t i = 0; i < 4 && at + i < bytes.size(); ++i) {
      bytes[at + i] = static_cast<char>(word >> (8 * i));
    }
  }

  std::function<std::uint64_t(std::uint64_t)> dice_;
  std::array<std::uint32_t, 10> words_{0,
                                       1,
                                       0x7fffffff,
                                       0xffffffff,
                                       0x80000000,
                                       0x1cb5c415,
                                       constructor::msg_container,
                                       constructor::gzip_packed,
                                       constructor::invoke_with_layer,
                                       constructor::init_connection};
};

/// What the test did and what came of it.
struct tally {
  std::size_t done = 0;
  std::size_t answers = 0;
  std::size_t reconnects = 0;
  std::size_t lost_keys = 0;
};

/// A plaintext whose body was changed; the packet around it is right.
std::string changed_message(socket_client& client, mutator& change, const std::vector<std::string>& bodies,
                            const std::function<std::uint64_t(std::uint64_t)>& dice) {
  auto& session = *client.session;
  const unix_ms now = socket_client::now();
  std::string body = bodies[dice(bodies.size())];
  const bool container = dice(5) == 0;
  if (container) {
    body = container_of({{session.next_id(now), session.next_seqno(true), body},
                         {session.next_id(now), session.next_seqno(true), bodies[dice(bodies.size())]}});
  }
  change.change(body);
  body.resize((body.size() + 3) / 4 * 4);
  return plaintext_of(session.salt(), session.id(), session.next_id(now), session.next_seqno(!container), body);
}

// Goal: however a valid packet is changed, within its encryption or outside, its sender gets an error, silence or
// the end of its connection, and nobody else feels it. Method: a hundred thousand, from a fixed seed; most are
// changed before they are encrypted, so that they come through to the calls themselves; the last one of a burst
// breaks the packet or the framing around it. A right ping behind each burst tells that the node is through with it.
TEST_F(bad_input, AHundredThousandMutationsHurtNobody) {
  constexpr std::size_t mutations = 100'000;
  constexpr std::size_t together = 32;
  // Beyond, the limits on calls of an account would keep the rest from being looked at.
  constexpr std::size_t of_one_account = 2'500;
  const auto draw = [this](std::uint64_t below) { return dice(below); };
  mutator change(draw);
  std::unique_ptr<socket_client> client;
  std::vector<std::string> bodies;
  tally sum;
  for (std::size_t bursts = 0; sum.done < mutations; ++bursts) {
    const bool lost = client && client->connection->error() == -404;
    if (!client || lost || sum.done % of_one_account < together) {
      sum.lost_keys += lost ? 1 : 0; // a change of the frame hit the name of the key
      client = member(number + sum.done / of_one_account);
      bodies = valid_bodies(*client);
    } else if (!client->is_connected() || bursts % 8 == 0) {
      sum.reconnects += client->is_connected() ? 0 : 1;
      ASSERT_TRUE(client->connect());
      client->open(*client->key);
    }
    std::string burst;
    for (std::size_t i = 0; i < together; ++i, ++sum.done) {
      std::string plain = changed_message(*client, change, bodies, draw);
      const bool last = i + 1 == together && bursts % 4 == 0;
      if (last && dice(2) == 0) {
        change.change(plain);
        plain.resize((plain.size() + 31) / 16 * 16);
      }
      std::string packet = client->sealed_plaintext(plain);
      if (last && dice(3) == 0) {
        // Not in the name of the key: an unknown one is looked for and has a test of its own.
        std::string rest = packet.substr(8);
        change.change(rest);
        packet = packet.substr(0, 8) + rest;
        packet.resize((packet.size() + 3) / 4 * 4);
      }
      std::string frame = client->connection->framed(packet);
      if (last && dice(3) == 0) {
        change.change(frame);
      }
      burst += frame;
    }
    client->connection->send_raw(burst);
    client->options.patience = std::chrono::milliseconds(2000);
    const int before = client->packets;
    client->ping();
    sum.answers += static_cast<std::size_t>(client->packets - before);
    client->seen.clear();
  }
  did(mutations);
  std::cout << sum.answers << " packets came back, " << sum.reconnects << " connections ended, " << sum.lost_keys
            << " keys were lost\n";
  // A packet holds the answers of many.
  EXPECT_GT(sum.answers, mutations / together / 2);
  EXPECT_GT(sum.reconnects, 100U);
  EXPECT_LT(sum.reconnects, mutations / together * 3 / 4);
  auto fresh = member(number + 999);
  EXPECT_FALSE(fresh->call(fn::updates_getState()).is_error);
}

} // namespace
} // namespace godwit::test
