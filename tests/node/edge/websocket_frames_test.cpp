// Frames of WebSocket, RFC 6455 section 5.

#include <gtest/gtest.h>

#include <numeric>

#include "node/edge/websocket_frames.hpp"

namespace godwit::node {
namespace {

using bytes = std::vector<std::uint8_t>;
using kind = websocket_reader::step::kind;

/// A client's frame: masked.
bytes frame(std::uint8_t first, const bytes& payload, std::size_t length_bytes = 0) {
  bytes out = {first};
  if (length_bytes == 0) {
    length_bytes = payload.size() < 126 ? 1 : payload.size() <= 0xFFFF ? 2 : 8;
  }
  out.push_back(static_cast<std::uint8_t>(0x80 | (length_bytes == 1 ? payload.size() : length_bytes == 2 ? 126 : 127)));
  for (std::size_t i = length_bytes == 1 ? 0 : length_bytes; i-- > 0;) {
    out.push_back(static_cast<std::uint8_t>(payload.size() >> (8 * i)));
  }
  const bytes mask = {0x37, 0xfa, 0x21, 0x3d};
  out.insert(out.end(), mask.begin(), mask.end());
  for (std::size_t i = 0; i < payload.size(); ++i) {
    out.push_back(payload[i] ^ mask[i % 4]);
  }
  return out;
}

bytes operator+(bytes left, const bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

struct result {
  bytes data;
  std::vector<bytes> pings;
  std::vector<bytes> closes;
  int failed = 0;

  bool operator==(const result&) const = default;
};

result read(bytes stream, std::size_t piece = 1 << 20) {
  websocket_reader reader;
  result out;
  for (std::size_t at = 0; at < stream.size() && out.failed == 0; at += piece) {
    auto in = std::span(stream).subspan(at, std::min(piece, stream.size() - at));
    for (auto step = reader.next(in); step.what != kind::more; step = reader.next(in)) {
      const bytes got(step.bytes.begin(), step.bytes.end());
      switch (step.what) {
      case kind::data: out.data = out.data + got; break;
      case kind::ping: out.pings.push_back(got); break;
      case kind::close: out.closes.push_back(got); break;
      default: break;
      }
      if (step.what == kind::failed) {
        out.failed = static_cast<int>(step.status);
        break;
      }
    }
  }
  return out;
}

bytes counted(std::size_t size) {
  bytes out(size);
  std::iota(out.begin(), out.end(), std::uint8_t{0});
  return out;
}

// Goal: sections 5.2 to 5.5: lengths of one, three and nine bytes, messages in pieces with control frames in
// between. Method: one stream, whole and in pieces of every size up to 20.
TEST(websocket_frames, DataOfAllFramesIsOneStream) {
  const bytes stream = frame(0x82, counted(5)) + frame(0x02, counted(125)) + frame(0x89, {'h', 'i'}) +
                       frame(0x00, counted(126)) + frame(0x8A, {}) + frame(0x80, {}) + frame(0x82, counted(70'000)) +
                       frame(0x82, counted(3), 8) + frame(0x88, {0x03, 0xE8, 'x'});
  const result whole = read(stream);
  EXPECT_EQ(whole.data, counted(5) + counted(125) + counted(126) + counted(70'000) + counted(3));
  EXPECT_EQ(whole.pings, (std::vector<bytes>{{'h', 'i'}}));
  EXPECT_EQ(whole.closes, (std::vector<bytes>{{0x03, 0xE8, 'x'}}));
  EXPECT_EQ(whole.failed, 0);
  for (std::size_t piece = 1; piece <= 20; ++piece) {
    EXPECT_EQ(read(stream, piece), whole) << piece;
  }
}

// Goal: what the sections forbid fails the connection with the status they name.
TEST(websocket_frames, BrokenRulesFailTheConnection) {
  EXPECT_EQ(read({0x82, 0x01, 'a'}).failed, 1002) << "not masked (5.1)";
  EXPECT_EQ(read(frame(0xC2, {1})).failed, 1002) << "a reserved bit (5.2)";
  EXPECT_EQ(read(frame(0x83, {1})).failed, 1002) << "a reserved opcode (5.2)";
  EXPECT_EQ(read(frame(0x8B, {1})).failed, 1002) << "a reserved opcode (5.2)";
  EXPECT_EQ(read(frame(0x81, {'a'})).failed, 1003) << "text";
  EXPECT_EQ(read(frame(0x80, {1})).failed, 1002) << "nothing to continue (5.4)";
  EXPECT_EQ(read(frame(0x02, {1}) + frame(0x82, {1})).failed, 1002) << "a message within a message (5.4)";
  EXPECT_EQ(read(frame(0x09, {1})).failed, 1002) << "a control frame in pieces (5.5)";
  EXPECT_EQ(read(frame(0x89, counted(126))).failed, 1002) << "a long control frame (5.5)";
  EXPECT_EQ(read({0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}).failed, 1002) << "a negative length (5.2)";
  EXPECT_EQ(read(frame(0x89, counted(125))).pings.size(), 1U);
}

// Goal: nothing is gathered of a frame, however long it says it is. Method: a frame of 2^62 bytes, of which
// 1000 come.
TEST(websocket_frames, ALongFrameIsGivenAsItComes) {
  bytes stream = {0x82, 0xFF, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  stream = stream + counted(1000);
  EXPECT_EQ(read(stream).data, counted(1000));
}

// Goal: a server's frames: not masked, the shortest length (5.1, 5.2). Method: the borders of the lengths.
TEST(websocket_frames, WrappedFramesHaveTheShortestLength) {
  const auto wrapped = [](std::size_t size) {
    bytes out(3, 0xEE);
    out.resize(3 + size, 0xAA);
    wrap_frame(out, 3, websocket_opcode::binary);
    EXPECT_EQ(bytes(out.begin(), out.begin() + 3), bytes(3, 0xEE));
    return bytes(out.begin() + 3, out.end() - static_cast<std::ptrdiff_t>(size));
  };
  EXPECT_EQ(wrapped(0), (bytes{0x82, 0}));
  EXPECT_EQ(wrapped(125), (bytes{0x82, 125}));
  EXPECT_EQ(wrapped(126), (bytes{0x82, 126, 0, 126}));
  EXPECT_EQ(wrapped(65'535), (bytes{0x82, 126, 0xFF, 0xFF}));
  EXPECT_EQ(wrapped(65'536), (bytes{0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0}));
}

// Goal: no bytes do harm, however they are cut. Method: 50 000 mutations of a stream.
TEST(websocket_frames, MutationsEndTheSameWayHoweverTheyAreCut) {
  const bytes valid = frame(0x82, counted(5)) + frame(0x02, counted(12)) + frame(0x89, {'h', 'i'}) +
                      frame(0x80, counted(126)) + frame(0x82, counted(3), 8) + frame(0x88, {});
  std::uint64_t state = 1;
  const auto next = [&state] { return (state = state * 6364136223846793005ULL + 1442695040888963407ULL) >> 33; };
  for (int i = 0; i < 50'000; ++i) {
    bytes stream = valid;
    for (std::uint64_t n = 1 + next() % 3; n > 0; --n) {
      stream[next() % stream.size()] ^= static_cast<std::uint8_t>(1U << next() % 8);
    }
    ASSERT_EQ(read(stream, 1 + next() % 30), read(stream));
  }
}

} // namespace
} // namespace godwit::node
