#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "protocol/crypto/message_cipher.hpp"
#include "protocol/crypto/mtproto_v1.hpp"
#include "protocol/tl/api/auth_fn.hpp"
#include "tests/actors/account/account_client.hpp"

namespace godwit::account::testing {
namespace {

constexpr std::int32_t day = 86'400;

/// A client with a permanent and a temporary key, as after both handshakes
/// (https://core.telegram.org/api/pfs).
class temporary_key : public ::testing::Test {
protected:
  temporary_key() {
    permanent.bytes.fill(0x31);
    temporary.bytes.fill(0x32);
    make(permanent, 0);
    make(temporary, day);
    client.context.key = {};
    client.context.used_key = temporary.id();
    client.context.temporary = true;
    client.context.message = msg_id{0x1234567800000000};
  }

  void make(const crypto::auth_key& key, std::int32_t expires_in) {
    command::KeyCommand create;
    create.mutable_create()->set_key(std::string(key.bytes.begin(), key.bytes.end()));
    create.mutable_create()->set_temporary(expires_in != 0);
    create.mutable_create()->set_expires_in(expires_in);
    ASSERT_TRUE(world.command(key_of(key.id().value()), create.SerializeAsString()).has_value());
  }

  /// What the client encrypts; each test makes one part of it wrong.
  struct inner_fields {
    std::int64_t message = 0;
    std::int64_t nonce = 77;
    std::int64_t temporary_key = 0;
    std::int64_t permanent_key = 0;
    std::int64_t session = 0;
    std::int32_t expires_at = 0;
    std::uint32_t constructor = 0x75a3f765;
    std::int32_t length = 40;
  };
  inner_fields right() {
    inner_fields inner;
    inner.message = static_cast<std::int64_t>(client.context.message.value());
    inner.temporary_key = static_cast<std::int64_t>(temporary.id().value());
    inner.permanent_key = static_cast<std::int64_t>(permanent.id().value());
    inner.session = static_cast<std::int64_t>(client.context.session.value());
    inner.expires_at = world.now + day;
    return inner;
  }

  static std::string encrypted(const inner_fields& inner, const crypto::auth_key& key) {
    std::string plain;
    tl::writer out(plain);
    out.write_int128({1, 2, 3});
    out.write_long(inner.message);
    out.write_int(0);
    out.write_int(inner.length);
    out.write_id(inner.constructor);
    out.write_long(inner.nonce);
    out.write_long(inner.temporary_key);
    out.write_long(inner.permanent_key);
    out.write_long(inner.session);
    out.write_int(inner.expires_at);
    const std::size_t size = plain.size();
    plain.resize((size + 15) / 16 * 16);
    std::vector<std::uint8_t> data(plain.begin(), plain.end());
    const crypto::msg_key message_key = crypto::mtproto_v1::encrypt(key, data, size, crypto::sender::client);
    std::string message;
    tl::writer outer(message);
    outer.write_long(static_cast<std::int64_t>(key.id().value()));
    outer.write_raw(std::span<const std::uint8_t>(message_key));
    outer.write_raw(std::span<const std::uint8_t>(data));
    return message;
  }

  rpc_result<std::string> bind(const std::string& message, std::int64_t permanent_id, std::int32_t expires_at) {
    tl::fn::auth_bindTempAuthKey what;
    what.perm_auth_key_id = permanent_id;
    what.nonce = 77;
    what.expires_at = expires_at;
    what.encrypted_message = message;
    client.context.now = world.now;
    account_flow flow(world.options, client.context, call_bytes(what, 152));
    return client.run(flow);
  }
  rpc_result<std::string> bind(const inner_fields& inner) {
    return bind(encrypted(inner, permanent), static_cast<std::int64_t>(permanent.id().value()), world.now + day);
  }

  logic_world world;
  account_client client{world, 1, 152};
  crypto::auth_key permanent;
  crypto::auth_key temporary;
};

TEST_F(temporary_key, IsBoundByAMessageOfItsPermanentKey) {
  const std::string answer = bind(right()).value();
  tl::reader in(answer);
  EXPECT_TRUE(in.read_bool());
  command::KeyCommand lookup;
  lookup.mutable_lookup();
  const auto found =
    parse<command::KeyFound>(world.command(key_of(temporary.id().value()), lookup.SerializeAsString()).value());
  EXPECT_EQ(found.permanent_key(), permanent.id().value());
  EXPECT_TRUE(bind(right()).has_value()) << "a repeat after a lost answer";
}

// https://core.telegram.org/method/auth.bindTempAuthKey: every field has to agree with the request and its packet.
TEST_F(temporary_key, IsNotBoundWhenAnyFieldIsAnothers) {
  std::vector<inner_fields> wrong(8, right());
  wrong[0].message += 4;
  wrong[1].nonce += 1;
  wrong[2].temporary_key += 1;
  wrong[3].permanent_key += 1;
  wrong[4].session += 1;
  wrong[5].expires_at += 1;
  wrong[6].constructor += 1;
  wrong[7].length += 4;
  for (const inner_fields& each : wrong) {
    EXPECT_EQ(error_of(bind(each)), rpc_errc::encrypted_message_invalid);
  }
}

TEST_F(temporary_key, IsNotBoundByBytesThatAreNoMessageOfTheKey) {
  const auto id = static_cast<std::int64_t>(permanent.id().value());
  const std::string good = encrypted(right(), permanent);
  std::vector<std::string> messages = {"",
                                       good.substr(0, 24),
                                       good.substr(0, good.size() - 1),
                                       good + "x",
                                       good + std::string(2048, 'x'),
                                       encrypted(right(), temporary)};
  for (std::size_t i = 0; i < good.size(); i += 7) {
    std::string damaged = good;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    // The padding is covered by nothing: its last eight bytes may be anything.
    if (i < good.size() - 16) {
      messages.push_back(damaged);
    }
  }
  for (const std::string& each : messages) {
    EXPECT_EQ(error_of(bind(each, id, world.now + day)), rpc_errc::encrypted_message_invalid) << each.size();
  }
  EXPECT_EQ(error_of(bind(good, 12345, world.now + day)), rpc_errc::encrypted_message_invalid) << "unknown key";
  EXPECT_EQ(error_of(bind(good, id, world.now)), rpc_errc::expires_at_invalid);
}

TEST_F(temporary_key, IsWhatIsBoundAndNoPermanentOne) {
  client.context.temporary = false;
  EXPECT_EQ(error_of(bind(right())), rpc_errc::temp_auth_key_empty);
}

// destroy_auth_key of a temporary key: the login belongs to the permanent one, and so to other sessions.
TEST_F(temporary_key, IsDestroyedWithoutTheLoginOfItsPermanentOne) {
  ASSERT_TRUE(bind(right()).has_value());
  client.context.user = user_id{5};
  client.context.authorization = authorization_id{6};
  account_flow flow = account_flow::destroy_key(world.options, client.context);
  EXPECT_EQ(client.run(flow).value().size(), 1U);
  EXPECT_EQ(client.context.user, user_id{5});
  EXPECT_EQ(client.context.authorization, authorization_id{6});
  EXPECT_TRUE(world.rows(key_of(temporary.id().value())).empty());
  EXPECT_FALSE(world.rows(key_of(permanent.id().value())).empty());
}

} // namespace
} // namespace godwit::account::testing
