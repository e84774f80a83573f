// Frames out of a stream of bytes.

#include "node/peer/frame_reader.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

namespace godwit::node {
namespace {

std::string framed(const std::string& frame) {
  std::string out;
  append_frame_header(out, frame.size());
  return out + frame;
}

// Goal: whatever the pieces in which a stream comes, the same frames come out of it. Method: frames of drawn sizes,
// cut at drawn places, given by feed() or, where there is room, into it.
TEST(frame_reader, FramesDoNotDependOnHowTheStreamIsCut) {
  for (std::uint32_t seed = 1; seed <= 200; ++seed) {
    std::mt19937 random(seed);
    std::vector<std::string> sent;
    std::string stream;
    for (int i = 0; i < 20; ++i) {
      const std::size_t size = random() % 4 == 0 ? 1 + random() % 5000 : 1 + random() % 20;
      sent.emplace_back(size, static_cast<char>('a' + i));
      stream += framed(sent.back());
    }
    frame_reader reader(5000);
    std::vector<std::string> got;
    std::string piece;
    for (std::size_t at = 0; at < stream.size();) {
      const std::size_t part = std::min<std::size_t>(stream.size() - at, 1 + random() % 700);
      const auto room = reader.room();
      if (!room.empty() && random() % 2 == 0) {
        const std::size_t fits = std::min(part, room.size());
        std::memcpy(room.data(), stream.data() + at, fits);
        reader.filled(fits);
        at += fits;
      } else {
        piece = stream.substr(at, part);
        reader.feed(piece);
        at += part;
      }
      while (auto frame = reader.next()) {
        got.emplace_back(frame->view());
      }
    }
    ASSERT_EQ(got, sent) << "seed " << seed;
    EXPECT_FALSE(reader.amid());
    EXPECT_TRUE(reader.broken().empty());
  }
}

// Goal: a frame that is kept outlives the bytes that it came in, and its neighbours.
TEST(frame_reader, AFrameKeepsItself) {
  frame_reader reader(100);
  std::string bytes = framed("one") + framed("two");
  reader.feed(bytes);
  const auto one = reader.next();
  const auto two = reader.next();
  ASSERT_TRUE(one && two);
  std::fill(bytes.begin(), bytes.end(), 'x');
  EXPECT_EQ(one->view(), "one");
  EXPECT_EQ(two->view(), "two");
}

// Goal: a length beyond the bound, or none, ends the stream, and nothing comes afterwards. Method: the first lengths
// beyond the bounds, and the greatest there is.
TEST(frame_reader, ForbiddenLengthsBreakTheStream) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{101}, std::size_t{0xFFFFFFFF}}) {
    frame_reader reader(100);
    std::string bytes;
    append_frame_header(bytes, size);
    bytes += framed("good");
    reader.feed(bytes);
    EXPECT_FALSE(reader.next());
    EXPECT_NE(reader.broken().find("a frame of " + std::to_string(size) + " bytes"), std::string::npos);
    reader.feed(bytes);
    EXPECT_FALSE(reader.next());
  }
  frame_reader reader(100);
  const std::string longest = framed(std::string(100, 'a'));
  reader.feed(longest);
  EXPECT_TRUE(reader.next());
}

} // namespace
} // namespace godwit::node
