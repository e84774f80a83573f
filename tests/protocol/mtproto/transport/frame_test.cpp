// The framings byte by byte, https://core.telegram.org/mtproto/mtproto-transports.

#include <gtest/gtest.h>

#include "protocol/mtproto/transport/little_endian.hpp"
#include "tests/protocol/mtproto/transport/transport_fixture.hpp"

namespace godwit::mtproto::test {
namespace {

bytes filled(std::size_t size, std::uint8_t value) { return bytes(size, value); }

bytes written(framing framing, const bytes& payload, bool quick_ack = false) {
  seeded_random random(1);
  bytes out;
  frame_writer(framing).append(out, payload, random, quick_ack);
  return out;
}

// Goal: the envelope of "Abridged" both ways, with its one and four byte lengths. Method: golden bytes at the
// two sides of the border, 0x7e and 0x7f words.
TEST(frame, AnAbridgedLengthIsOneByteBelow127WordsAndFourFromThere) {
  EXPECT_EQ(written(framing::abridged, filled(4, 0xAA)), (bytes{0x01, 0xAA, 0xAA, 0xAA, 0xAA}));
  EXPECT_EQ(written(framing::abridged, filled(0x7E * 4, 0xAA)), joined({{0x7E}, filled(0x7E * 4, 0xAA)}));
  EXPECT_EQ(written(framing::abridged, filled(0x7F * 4, 0xAA)),
            joined({{0x7F, 0x7F, 0x00, 0x00}, filled(0x7F * 4, 0xAA)}));
  EXPECT_EQ(written(framing::abridged, filled(0x010203 * 4, 0xAA)),
            joined({{0x7F, 0x03, 0x02, 0x01}, filled(0x010203 * 4, 0xAA)}));
  for (const std::size_t words : {0x7EU, 0x7FU, 0x010203U}) {
    const bytes payload = filled(words * 4, 0xAB);
    const auto out = read_stream(joined({{0xEF}, written(framing::abridged, payload)}));
    EXPECT_EQ(out.packets, (std::vector<bytes>{payload})) << words;
  }
}

// Goal: the envelope of "Intermediate". Method: golden bytes, read back.
TEST(frame, AnIntermediateLengthIsFourBytesLittleEndian) {
  const bytes payload = filled(40, 0xAA);
  const bytes frame = joined({{0x28, 0, 0, 0}, payload});
  EXPECT_EQ(written(framing::intermediate, payload), frame);
  EXPECT_EQ(read_stream(joined({{0xEE, 0xEE, 0xEE, 0xEE}, frame})).packets, (std::vector<bytes>{payload}));
}

// Goal: "Padded intermediate": the padding of a sender, 0 to 15 bytes, is not part of the packet; neither of
// an encrypted one nor of an unencrypted one, which tells its length. Method: every padding, golden frames.
TEST(frame, PaddingIsTakenOffEncryptedAndUnencryptedPackets) {
  const bytes encrypted = filled(24 + 32, 0xAA);
  // auth_key_id 0, message_id, length 8, 8 bytes.
  const bytes unencrypted = joined({filled(8, 0), filled(8, 0x51), {8, 0, 0, 0}, filled(8, 0xBB)});
  for (const bytes& payload : {encrypted, unencrypted}) {
    for (std::uint8_t padding = 0; padding < 16; ++padding) {
      const auto size = static_cast<std::uint8_t>(payload.size() + padding);
      const auto out = read_stream(
        joined({{0xDD, 0xDD, 0xDD, 0xDD}, {size, 0, 0, 0}, payload, filled(padding, 0xCC), {4, 0, 0, 0, 1, 2, 3, 4}}));
      EXPECT_EQ(out.packets, (std::vector<bytes>{payload, {1, 2, 3, 4}})) << int{padding};
    }
  }
}

// Goal: an unencrypted packet whose length lies is given whole, for the message layer to refuse. Method: a
// length beyond the frame, the largest included.
TEST(frame, AnUnencryptedLengthBeyondTheFrameIsNotFollowed) {
  for (const std::uint8_t high : {0x00, 0xFF}) {
    const bytes payload = joined({filled(16, 0), {0xFF, high, high, high}, filled(12, 0xBB)});
    EXPECT_EQ(unpadded_size(payload), payload.size());
  }
}

// Goal: what is written padded has 0 to 3 bytes of padding, all of them in turn: Telethon takes the rest of a
// division by 4 off, others find the end inside. Method: a thousand packets.
TEST(frame, WrittenPaddingIsAtMostThreeBytes) {
  seeded_random random(7);
  std::array<int, 4> seen{};
  for (int i = 0; i < 1000; ++i) {
    bytes out;
    frame_writer(framing::padded_intermediate).append(out, filled(40, 0xAA), random);
    const std::size_t padding = out.size() - 44;
    ASSERT_LE(padding, 3U);
    ASSERT_EQ(load_u32(out), 40 + padding);
    ++seen[padding];
  }
  for (const int count : seen) {
    EXPECT_GT(count, 150);
  }
}

// Goal: the envelope of "Full": length with itself, a sequence number from 0 on, CRC32 of all before. Method:
// two packets against bytes computed with zlib's crc32 apart from this code.
TEST(frame, AFullFrameCountsPacketsAndEndsWithAChecksum) {
  seeded_random random(1);
  frame_writer writer(framing::full);
  bytes out;
  writer.append(out, filled(4, 0xAA), random);
  writer.append(out, filled(4, 0xAA), random);
  EXPECT_EQ(out, (bytes{0x10, 0, 0, 0, 0, 0, 0, 0, 0xAA, 0xAA, 0xAA, 0xAA, 0xD1, 0x14, 0x1F, 0xE3,
                        0x10, 0, 0, 0, 1, 0, 0, 0, 0xAA, 0xAA, 0xAA, 0xAA, 0x4F, 0x14, 0xB5, 0x2F}));
  EXPECT_EQ(read_stream(out).packets, (std::vector<bytes>{filled(4, 0xAA), filled(4, 0xAA)}));
}

TEST(frame, AFullFrameWithAWrongChecksumEndsTheStream) {
  bytes frame = written(framing::full, filled(40, 0xAA));
  for (const std::size_t at : {8U, 47U, 48U, 51U}) {
    bytes damaged = frame;
    damaged[at] ^= 0x10;
    const auto out = read_stream(damaged);
    EXPECT_TRUE(out.packets.empty());
    EXPECT_EQ(out.error, transport_errc::wrong_checksum) << at;
  }
}

// Goal: a repeated or skipped packet of the full transport ends the stream. Method: the first frame twice.
TEST(frame, AFullFrameOutOfTurnEndsTheStream) {
  const bytes frame = written(framing::full, filled(40, 0xAA));
  const auto out = read_stream(joined({frame, frame}));
  EXPECT_EQ(out.packets.size(), 1U);
  EXPECT_TRUE(out.failed);
  EXPECT_EQ(out.error, transport_errc::wrong_sequence);
}

// Goal: lengths that no packet has are refused as soon as they are read. Method: one header each.
TEST(frame, EmptyAndCrookedLengthsAreRefused) {
  const bytes abridged = {0xEF};
  const bytes intermediate = filled(4, 0xEE);
  const bytes padded = filled(4, 0xDD);
  for (const bytes& stream : {
         joined({abridged, {0x00}}),
         joined({abridged, {0x7F, 0, 0, 0}}),
         joined({intermediate, {0, 0, 0, 0}}),
         joined({intermediate, {41, 0, 0, 0}}),
         joined({intermediate, {0, 0, 0, 0x80}}),
         joined({padded, {3, 0, 0, 0}}),
         joined({bytes{12, 0, 0, 0}, bytes{0, 0, 0, 0}}),
         joined({bytes{41, 0, 0, 0}, bytes{0, 0, 0, 0}}),
         bytes{0, 0, 0, 0, 0, 0, 0, 0},
       }) {
    const auto out = read_stream(stream);
    EXPECT_TRUE(out.failed);
    EXPECT_EQ(out.error, transport_errc::bad_length);
  }
}

// Goal: a packet above the bound is refused by its header, one at the bound is not. Method: each framing with
// a bound of 1024 bytes, header and first bytes alone.
TEST(frame, APacketAboveTheBoundIsRefusedByItsHeader) {
  const packet_limits limits = {1024, 1024};
  const auto refused = [&](const bytes& stream) {
    const auto out = read_stream(stream, limits);
    EXPECT_EQ(out.failed, out.error == transport_errc::too_long);
    return out.failed;
  };
  EXPECT_FALSE(refused({0xEF, 0x7F, 0x00, 0x01, 0x00}));
  EXPECT_TRUE(refused({0xEF, 0x7F, 0x01, 0x01, 0x00}));
  EXPECT_TRUE(refused({0xEF, 0xFF, 0xFF, 0xFF, 0xFF}));
  EXPECT_FALSE(refused(joined({filled(4, 0xEE), {0x00, 0x04, 0x00, 0x00}})));
  EXPECT_TRUE(refused(joined({filled(4, 0xEE), {0x04, 0x04, 0x00, 0x00}})));
  EXPECT_TRUE(refused(joined({filled(4, 0xEE), {0xFC, 0xFF, 0xFF, 0x7F}})));
  EXPECT_FALSE(refused(joined({filled(4, 0xDD), {0x0F, 0x04, 0x00, 0x00}})));
  EXPECT_TRUE(refused(joined({filled(4, 0xDD), {0x10, 0x04, 0x00, 0x00}})));
  EXPECT_FALSE(refused({0x0C, 0x04, 0, 0, 0, 0, 0, 0}));
  EXPECT_TRUE(refused({0x10, 0x04, 0, 0, 0, 0, 0, 0}));
  EXPECT_TRUE(refused({0xFC, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0}));
}

// Goal: unencrypted packets have a bound of their own, so that nobody without a key makes the server keep
// large ones; it holds as soon as the key's id is there. Method: 2000 bytes announced, the zeros alone sent.
TEST(frame, AnUnencryptedPacketHasABoundOfItsOwn) {
  const packet_limits limits = {1 << 20, 1024};
  const bytes header = joined({filled(4, 0xEE), {0xD0, 0x07, 0x00, 0x00}});
  EXPECT_FALSE(read_stream(joined({header, filled(7, 0)}), limits).failed);
  EXPECT_EQ(read_stream(joined({header, filled(8, 0)}), limits).error, transport_errc::too_long);
  EXPECT_FALSE(read_stream(joined({header, filled(7, 0), {1}, filled(100, 0)}), limits).failed);
  server_transport server(true, limits);
  EXPECT_EQ(feed_cut(server, joined({header, filled(8, 0)}), {9, 12, 15}).error, transport_errc::too_long);
}

// Goal: "Quick ack": the highest bit of the length asks for one, and the answer is four bytes outside any
// frame, turned round for the abridged framing. Method: golden bytes both ways.
TEST(frame, AQuickAckIsAskedForByTheHighestBitAndAnsweredWithFourBytes) {
  EXPECT_EQ(written(framing::abridged, filled(4, 0xAA), true), (bytes{0x81, 0xAA, 0xAA, 0xAA, 0xAA}));
  EXPECT_EQ(written(framing::intermediate, filled(4, 0xAA), true), (bytes{4, 0, 0, 0x80, 0xAA, 0xAA, 0xAA, 0xAA}));
  const bytes large = written(framing::abridged, filled(0x80 * 4, 0xAA), true);
  EXPECT_EQ(bytes(large.begin(), large.begin() + 4), (bytes{0xFF, 0x80, 0x00, 0x00}));
  EXPECT_EQ(read_stream(joined({{0xEF}, large})).quick_acks_wanted, (std::vector<bool>{true}));
  EXPECT_EQ(read_stream({0xEF, 0x81, 1, 2, 3, 4, 0x01, 1, 2, 3, 4}).quick_acks_wanted,
            (std::vector<bool>{true, false}));
  EXPECT_EQ(read_stream(joined({filled(4, 0xEE), {4, 0, 0, 0x80, 1, 2, 3, 4}})).quick_acks_wanted,
            (std::vector<bool>{true}));

  const auto token = [](framing framing) {
    bytes out;
    frame_writer(framing).append_quick_ack(out, 0x01020304);
    return out;
  };
  EXPECT_EQ(token(framing::abridged), (bytes{0x81, 0x02, 0x03, 0x04}));
  EXPECT_EQ(token(framing::intermediate), (bytes{0x04, 0x03, 0x02, 0x81}));
  EXPECT_EQ(token(framing::padded_intermediate), (bytes{0x04, 0x03, 0x02, 0x81}));
  EXPECT_EQ(token(framing::full), bytes{});
}

// Goal: "Transport errors": a packet of four bytes, the code as a negative number, in each framing. Method:
// golden bytes of -404.
TEST(frame, ATransportErrorIsAPacketOfFourBytes) {
  const auto error = [](framing framing) {
    bytes out;
    frame_writer(framing).append_error(out, -404);
    return out;
  };
  EXPECT_EQ(error(framing::abridged), (bytes{0x01, 0x6C, 0xFE, 0xFF, 0xFF}));
  EXPECT_EQ(error(framing::intermediate), (bytes{4, 0, 0, 0, 0x6C, 0xFE, 0xFF, 0xFF}));
  EXPECT_EQ(error(framing::padded_intermediate), (bytes{4, 0, 0, 0, 0x6C, 0xFE, 0xFF, 0xFF}));
  EXPECT_EQ(error(framing::full), (bytes{0x10, 0, 0, 0, 0, 0, 0, 0, 0x6C, 0xFE, 0xFF, 0xFF, 0x0D, 0x2F, 0x41, 0x07}));
  EXPECT_EQ(transport_error_in(bytes{0x6C, 0xFE, 0xFF, 0xFF}), -404);
  EXPECT_EQ(transport_error_in(filled(20, 1)), 0);
}

} // namespace
} // namespace godwit::mtproto::test
