#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "protocol/mtproto/message/little_endian.hpp"
#include "tests/protocol/mtproto/message/message_fixture.hpp"

namespace godwit::mtproto {
namespace {

using namespace testing;

std::vector<std::uint8_t> plaintext(std::uint32_t length, std::size_t total) {
  std::vector<std::uint8_t> bytes(total);
  store_u32(bytes.data() + 28, length);
  return bytes;
}

expected<inner_message, envelope_errc> parse(const std::vector<std::uint8_t>& bytes) {
  return parse_inner(buffer_slice::copy_of(bytes));
}

// A packet written in place, encrypted and decrypted, is read as what was written
// (https://core.telegram.org/mtproto/description#encrypted-message).
TEST(envelope, WhatIsSealedIsReadAgain) {
  seeded_random random;
  const auto key = test_key();
  for (const std::size_t size : {4U, 8U, 12U, 16U, 20U, 100U, 4096U}) {
    std::vector<std::uint8_t> packet(packet_bytes(size));
    const auto body = write_inner_header(packet, 11, session_id(22), msg_id(33), 44, size, random);
    std::fill(body.begin(), body.end(), std::uint8_t{0x5a});
    auto job = seal_job(packet, key->id(), *key);
    crypto::encrypt({&job, 1});
    finish_seal(job);

    auto outer = parse_encrypted(packet);
    ASSERT_TRUE(outer) << size;
    EXPECT_EQ(outer->key_id, key->id());
    auto opening = outer->job(*key, crypto::sender::server);
    crypto::decrypt({&opening, 1});
    ASSERT_TRUE(opening.good);
    const auto inner = parse_inner(buffer_slice::copy_of(outer->data));
    ASSERT_TRUE(inner);
    EXPECT_EQ(inner->salt, 11U);
    EXPECT_EQ(inner->session, session_id(22));
    EXPECT_EQ(inner->id, msg_id(33));
    EXPECT_EQ(inner->seqno, 44U);
    EXPECT_EQ(inner->body.text(), std::string(size, '\x5a'));
  }
}

// Padding is 12 to 1024 bytes and makes whole blocks (description, "Padding").
TEST(envelope, OutgoingPaddingIsTheLeastThatMakesWholeBlocks) {
  for (std::size_t size = 4; size < 200; size += 4) {
    const std::size_t padding = packet_bytes(size) - outer_header_bytes - inner_header_bytes - size;
    EXPECT_GE(padding, 12U);
    EXPECT_LT(padding, 28U);
    EXPECT_EQ((packet_bytes(size) - outer_header_bytes) % 16, 0U);
  }
}

// https://core.telegram.org/mtproto/security_guidelines#checking-message-length: the length does not go
// beyond the data, is a multiple of four, and leaves 12 to 1024 bytes of padding.
TEST(envelope, LengthAndPaddingAreChecked) {
  EXPECT_TRUE(parse(plaintext(4, 48)));
  EXPECT_EQ(parse(plaintext(4, 32)).error(), envelope_errc::too_short);
  EXPECT_EQ(parse(plaintext(0, 48)).error(), envelope_errc::wrong_length);
  EXPECT_EQ(parse(plaintext(5, 64)).error(), envelope_errc::wrong_length);
  EXPECT_EQ(parse(plaintext(36, 64)).error(), envelope_errc::wrong_length);
  EXPECT_EQ(parse(plaintext(0xfffffffc, 64)).error(), envelope_errc::wrong_length);
  EXPECT_EQ(parse(plaintext(24, 64)).error(), envelope_errc::wrong_padding);
  EXPECT_TRUE(parse(plaintext(20, 64)));
  EXPECT_TRUE(parse(plaintext(16, 32 + 16 + 1024)));
  EXPECT_EQ(parse(plaintext(12, 32 + 16 + 1024)).error(), envelope_errc::wrong_padding);
}

// A packet that is too short or no multiple of the cipher's block is none.
TEST(envelope, CipherTextIsWholeBlocks) {
  std::vector<std::uint8_t> packet(24 + 48);
  EXPECT_TRUE(parse_encrypted(packet));
  packet.resize(24 + 47);
  EXPECT_EQ(parse_encrypted(packet).error(), envelope_errc::too_short);
  packet.resize(24 + 60);
  EXPECT_EQ(parse_encrypted(packet).error(), envelope_errc::not_whole_blocks);
  EXPECT_EQ(parse_encrypted({}).error(), envelope_errc::too_short);
  EXPECT_EQ(key_of({}), auth_key_id{});
}

// https://core.telegram.org/mtproto/description#unencrypted-message, with what a transport may pad.
TEST(envelope, AnUnencryptedMessageIsReadWithoutThePaddingBehindIt) {
  const std::array<std::uint8_t, 8> body{1, 2, 3, 4, 5, 6, 7, 8};
  std::string packet = make_plain(msg_id(0x1234), body);
  packet += "tail";
  const auto bytes = std::span(reinterpret_cast<const std::uint8_t*>(packet.data()), packet.size());
  const auto parsed = parse_plain(bytes);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(key_of(bytes), auth_key_id{});
  EXPECT_EQ(parsed->id, msg_id(0x1234));
  EXPECT_TRUE(std::equal(body.begin(), body.end(), parsed->body.begin(), parsed->body.end()));
  EXPECT_EQ(parse_plain(bytes.first(22)).error(), envelope_errc::too_short);
  EXPECT_EQ(parse_plain(bytes.first(27)).error(), envelope_errc::wrong_length);
}

} // namespace
} // namespace godwit::mtproto
