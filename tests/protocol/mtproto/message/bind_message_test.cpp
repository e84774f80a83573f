#include <gtest/gtest.h>

#include "protocol/crypto/mtproto_v1.hpp"
#include "protocol/mtproto/message/bind_message.hpp"
#include "protocol/mtproto/message/little_endian.hpp"
#include "tests/protocol/mtproto/message/message_fixture.hpp"

namespace godwit::mtproto {
namespace {

using namespace testing;

/// https://core.telegram.org/method/auth.bindTempAuthKey
class bind_message : public ::testing::Test {
protected:
  bind_message() {
    binding.temp_key = auth_key_id(11);
    binding.perm_key = permanent->id();
    binding.temp_session = session_id(22);
    binding.nonce = 33;
    binding.expires_at = 1'790'086'400;
    binding.query = msg_id(44);
  }

  [[nodiscard]] expected<void, bind_errc> check(const std::string& message) const {
    return check_bind_message(*permanent, {reinterpret_cast<const std::uint8_t*>(message.data()), message.size()},
                              binding);
  }

  seeded_random random;
  std::shared_ptr<const crypto::auth_key> permanent = test_key();
  key_binding binding;
};

TEST_F(bind_message, ARightOneIsTaken) {
  const std::string message = make_bind_message(*permanent, binding, random);
  EXPECT_EQ(message.size(), 104U);
  EXPECT_TRUE(check(message));
}

// Each field inside must say what the query says openly.
TEST_F(bind_message, EveryFieldIsCompared) {
  const key_binding right = binding;
  const auto refused = [&](const key_binding& said) {
    const auto result = check(make_bind_message(*permanent, said, random));
    return result ? bind_errc{} : result.error();
  };
  key_binding said = right;
  said.temp_key = auth_key_id(12);
  EXPECT_EQ(refused(said), bind_errc::wrong_content);
  said = right;
  said.temp_session = session_id(23);
  EXPECT_EQ(refused(said), bind_errc::wrong_content);
  said = right;
  said.nonce = 34;
  EXPECT_EQ(refused(said), bind_errc::wrong_content);
  said = right;
  said.expires_at += 1;
  EXPECT_EQ(refused(said), bind_errc::wrong_content);
  said = right;
  said.query = msg_id(48);
  EXPECT_EQ(refused(said), bind_errc::wrong_message_id);
  said = right;
  said.perm_key = auth_key_id(9);
  EXPECT_EQ(refused(said), bind_errc::wrong_key);
}

TEST_F(bind_message, AnotherKeyIsRefused) {
  const auto other = test_key(9);
  key_binding said = binding;
  EXPECT_EQ(check(make_bind_message(*other, said, random)).error(), bind_errc::undecipherable);
}

// No bit may change; neither may the size.
TEST_F(bind_message, AChangedMessageIsRefused) {
  const std::string message = make_bind_message(*permanent, binding, random);
  std::size_t padding_only = 0;
  for (std::size_t i = 0; i < message.size(); ++i) {
    std::string changed = message;
    changed[i] = static_cast<char>(changed[i] ^ 0x10);
    // The message key of MTProto 1.0 does not cover the padding: the last 8 bytes of the last block.
    padding_only += check(changed) ? 1 : 0;
  }
  EXPECT_EQ(padding_only, 0U);
  EXPECT_EQ(check(message.substr(0, 88)).error(), bind_errc::malformed);
  EXPECT_EQ(check(message + std::string(16, '\0')).error(), bind_errc::malformed);
  EXPECT_EQ(check("").error(), bind_errc::malformed);
}

} // namespace
} // namespace godwit::mtproto
