#include "cluster/peer/envelope_batch.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

namespace godwit::cluster {
namespace {

using said = std::pair<int, std::string>;

void say(envelope_batch& batch, envelope_kind what, const std::string& body) {
  ASSERT_TRUE(batch.append(what, [&](std::string& out) { out += body; }));
}

std::vector<said> all_of(envelope_batch& batch, std::size_t* frames = nullptr) {
  std::vector<said> read;
  while (!batch.empty()) {
    const std::size_t size = batch.front_bytes();
    const auto frame = persistence::slice::adopt(batch.take_front());
    EXPECT_EQ(frame.size(), size);
    EXPECT_LE(frame.size(), limits::peer_frame_bytes_max);
    EXPECT_TRUE(envelope_reader::whole(frame));
    envelope_reader reader(frame);
    while (const auto each = reader.next()) {
      read.emplace_back(each->kind, each->body.view());
    }
    EXPECT_FALSE(reader.damaged());
    if (frames != nullptr) {
      ++*frames;
    }
  }
  EXPECT_EQ(batch.bytes(), 0U);
  return read;
}

// Goal: envelopes come out as they went in, in frames of the size that is meant. Method: random sizes from 0 to more
// than a frame, batches appended to one another.
TEST(EnvelopeBatch, GivesBackWhatWasAppendedInOrder) {
  std::mt19937 random(4);
  for (int round = 0; round < 30; ++round) {
    envelope_batch batch;
    std::vector<said> expected;
    for (int part = 0; part < 5; ++part) {
      envelope_batch other;
      envelope_batch& to = part % 2 == 0 ? batch : other;
      for (int i = 0; i < 40; ++i) {
        const std::size_t size = random() % 8 == 0 ? random() % (3 * limits::peer_frame_bytes) : random() % 300;
        const auto kind = static_cast<envelope_kind>(3 + random() % 8);
        expected.emplace_back(static_cast<int>(kind), std::string(size, static_cast<char>(random())));
        say(to, kind, expected.back().second);
      }
      if (&to == &other) {
        batch.append(std::move(other));
        EXPECT_TRUE(other.empty()); // NOLINT(bugprone-use-after-move): emptied, it says
      }
    }
    EXPECT_EQ(all_of(batch), expected);
  }
}

TEST(EnvelopeBatch, ClosesAFrameAboveItsSize) {
  envelope_batch batch;
  const std::string body(1000, 'x');
  for (int i = 0; i < 2000; ++i) {
    say(batch, envelope_kind::raft, body);
  }
  std::size_t frames = 0;
  EXPECT_EQ(all_of(batch, &frames).size(), 2000U);
  EXPECT_EQ(frames, 2000 * 1005 / limits::peer_frame_bytes + 1);
}

// Goal: the largest body fits, whatever stands before it; one byte more does not, and leaves no trace.
TEST(EnvelopeBatch, KnowsTheLargestBody) {
  envelope_batch batch;
  say(batch, envelope_kind::raft, "before");
  const std::string largest(limits::peer_frame_bytes_max - envelope_header_bytes, 'y');
  say(batch, envelope_kind::push, largest);
  EXPECT_FALSE(batch.append(envelope_kind::push, [&](std::string& out) { out += largest + "z"; }));
  say(batch, envelope_kind::raft, "after");
  const auto read = all_of(batch);
  ASSERT_EQ(read.size(), 3U);
  EXPECT_EQ(read[0].second, "before");
  EXPECT_EQ(read[1].second, largest);
  EXPECT_EQ(read[2].second, "after");
}

// Goal: any bytes are read without reading beyond them, and never by half: what whole() lets pass, next() reads to the
// end. Method: a frame with bytes changed, cut and added at random.
TEST(EnvelopeReader, TakesAnyBytes) {
  std::mt19937 random(9);
  envelope_batch batch;
  for (int i = 0; i < 20; ++i) {
    say(batch, envelope_kind::lane, std::string(random() % 40, 'a'));
  }
  const std::string good = batch.take_front();
  int passed = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes = good;
    for (auto change = random() % 4; change > 0; --change) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    if (random() % 2 == 0) {
      bytes.resize(random() % (bytes.size() + 10));
    }
    const auto frame = persistence::slice::adopt(std::move(bytes));
    const bool whole = envelope_reader::whole(frame);
    envelope_reader reader(frame);
    std::size_t read = 0;
    while (const auto each = reader.next()) {
      read += envelope_header_bytes + each->body.size();
    }
    EXPECT_LE(read, frame.size());
    if (whole) {
      ++passed;
      EXPECT_FALSE(reader.damaged());
      EXPECT_EQ(read, frame.size());
    }
  }
  EXPECT_GT(passed, 100);
}

TEST(EnvelopeReader, WhatStandsAloneHasNoCompany) {
  const std::string beat = lone_envelope(envelope_kind::beat, "b");
  const std::string raft = lone_envelope(envelope_kind::raft, "r");
  const auto whole = [](const std::string& bytes) {
    return envelope_reader::whole(persistence::slice::copy_of(bytes));
  };
  EXPECT_TRUE(whole(beat));
  EXPECT_TRUE(whole(raft + raft));
  EXPECT_FALSE(whole(raft + beat));
  EXPECT_FALSE(whole(beat + beat));
  EXPECT_FALSE(whole(""));
}

} // namespace
} // namespace godwit::cluster
