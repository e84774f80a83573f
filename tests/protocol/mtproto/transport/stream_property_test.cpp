// The same bytes give the same packets however they are cut, and no bytes at all do harm.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "protocol/mtproto/transport/proxy_header.hpp"
#include "tests/protocol/mtproto/transport/transport_fixture.hpp"

namespace godwit::mtproto::test {
namespace {

struct sample {
  bytes stream;
  std::vector<bytes> packets;
};

/// A few packets of small sizes, one of them unencrypted.
sample make_sample(transport_kind kind, seeded_random& random) {
  sample made;
  client_transport client(kind, random, wide);
  const std::size_t count = 1 + random.below(4);
  for (std::size_t i = 0; i < count; ++i) {
    made.packets.push_back(encrypted_packet(1 + random.below(40), random));
    if (random.below(4) == 0) {
      bytes& packet = made.packets.back();
      std::fill_n(packet.begin(), 16, std::uint8_t{0});
      packet[16] = static_cast<std::uint8_t>(packet.size() - 20);
      packet[17] = static_cast<std::uint8_t>((packet.size() - 20) >> 8);
      packet[18] = packet[19] = 0;
    }
    client.append(made.stream, made.packets.back(), kind.framing != framing::full && random.below(2) == 0);
  }
  return made;
}

std::vector<std::size_t> random_cuts(std::size_t size, seeded_random& random) {
  std::vector<std::size_t> cuts(random.below(12));
  for (std::size_t& cut : cuts) {
    cut = random.below(size + 1);
  }
  std::sort(cuts.begin(), cuts.end());
  return cuts;
}

outcome read_cut(const bytes& stream, const std::vector<std::size_t>& cuts, const packet_limits& limits = wide) {
  server_transport server(true, limits);
  return feed_cut(server, stream, cuts);
}

// Goal: every split of a stream gives the same packets. Method: each transport, a stream of small packets cut
// in two at every place, and byte by byte.
TEST(stream_property, EveryCutGivesTheSamePackets) {
  for (const transport_kind kind : every_kind()) {
    seeded_random random(21);
    const sample made = make_sample(kind, random);
    const outcome whole = read_cut(made.stream, {});
    ASSERT_EQ(whole.packets, made.packets) << kind;
    std::vector<std::size_t> all;
    for (std::size_t i = 0; i <= made.stream.size(); ++i) {
      ASSERT_EQ(read_cut(made.stream, {i}), whole) << kind << " cut at " << i;
      all.push_back(i);
    }
    ASSERT_EQ(read_cut(made.stream, all), whole) << kind << " byte by byte";
  }
}

// Goal: damaged streams end in packets or in an error, the same however they are cut, with memory bounded by
// what came in. Method: 10^5 seeded mutations of valid streams of every transport: bits, bytes,
// losses and ends, half of them among the first bytes, where names, headers and lengths are.
TEST(stream_property, MutationsEndTheSameWayHoweverTheyAreCut) {
  const packet_limits limits = {4096, 1024};
  std::size_t failed = 0;
  for (std::uint64_t seed = 0; seed < 100'000; ++seed) {
    seeded_random random(seed);
    const transport_kind kind = every_kind()[random.below(transport_kinds)];
    bytes stream = make_sample(kind, random).stream;
    const std::size_t changes = 1 + random.below(3);
    for (std::size_t i = 0; i < changes && !stream.empty(); ++i) {
      const std::size_t at =
        random.below(std::min<std::size_t>(stream.size(), random.below(2) == 0 ? 80 : stream.size()));
      switch (random.below(4)) {
      case 0: stream[at] ^= static_cast<std::uint8_t>(1U << random.below(8)); break;
      case 1: stream[at] = static_cast<std::uint8_t>(random.next()); break;
      case 2: stream.erase(stream.begin() + static_cast<std::ptrdiff_t>(at)); break;
      default: stream.resize(at + 1); break;
      }
    }
    const outcome whole = read_cut(stream, {}, limits);
    failed += whole.failed ? 1U : 0U;
    std::size_t given = 0;
    for (const bytes& packet : whole.packets) {
      ASSERT_LE(packet.size(), 4096U + 15);
      given += packet.size();
    }
    ASSERT_LE(given, stream.size());
    ASSERT_EQ(read_cut(stream, random_cuts(stream.size(), random), limits), whole) << "seed " << seed << ' ' << kind;
  }
  // Most mutations of a length, a checksum or a name are seen.
  EXPECT_GT(failed, 10'000U);
}

// Goal: a damaged stream harms a client as little. Method: a server's answers, mutated, whole and cut.
TEST(stream_property, MutatedAnswersEndTheSameWayHoweverTheyAreCut) {
  for (std::uint64_t seed = 0; seed < 20'000; ++seed) {
    seeded_random random(seed);
    const framing framing = every_kind()[random.below(transport_kinds)].framing;
    frame_writer writer(framing);
    bytes stream;
    for (int i = 0; i < 3; ++i) {
      writer.append_quick_ack(stream, static_cast<std::uint32_t>(random.next()));
      writer.append(stream, encrypted_packet(1 + random.below(40), random), random);
    }
    stream[random.below(stream.size())] ^= static_cast<std::uint8_t>(1U << random.below(8));
    const auto read = [&](const std::vector<std::size_t>& cuts) {
      client_transport client({framing, false}, random, wide);
      return feed_cut(client, stream, cuts);
    };
    ASSERT_EQ(read(random_cuts(stream.size(), random)), read({})) << "seed " << seed;
  }
}

// Goal: PROXY headers of any bytes end in an address, nothing or an error, the same however they are cut.
// Method: 10^5 mutations of valid headers.
TEST(stream_property, MutatedProxyHeadersEndTheSameWayHoweverTheyAreCut) {
  const std::string text = "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\nrest of the stream";
  bytes binary = {0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, 0x21, 0x11, 0x00, 0x0F};
  binary.resize(binary.size() + 40, 0x03);
  struct result {
    bool complete = false;
    bool failed = false;
    std::optional<proxied_source> source;
    std::size_t left = 0;
    bool operator==(const result&) const = default;
  };
  const auto read = [](const bytes& stream, const std::vector<std::size_t>& cuts) {
    proxy_header_reader reader;
    result out;
    std::size_t at = 0;
    for (std::size_t i = 0; i <= cuts.size() && !out.failed && !out.complete; ++i) {
      const std::size_t end = i < cuts.size() ? cuts[i] : stream.size();
      bytes piece(stream.begin() + static_cast<std::ptrdiff_t>(at), stream.begin() + static_cast<std::ptrdiff_t>(end));
      std::span<std::uint8_t> left(piece);
      const auto fed = reader.feed(left);
      out.failed = !fed;
      out.complete = fed && *fed;
      out.left = out.complete ? stream.size() - end + left.size() : 0;
      at = end;
    }
    out.source = reader.source();
    return out;
  };
  std::size_t complete = 0;
  for (std::uint64_t seed = 0; seed < 100'000; ++seed) {
    seeded_random random(seed);
    bytes stream = random.below(2) == 0 ? bytes(text.begin(), text.end()) : binary;
    stream[random.below(stream.size())] ^= static_cast<std::uint8_t>(1U << random.below(8));
    const result whole = read(stream, {});
    complete += whole.complete ? 1U : 0U;
    ASSERT_EQ(read(stream, random_cuts(stream.size(), random)), whole) << "seed " << seed;
  }
  EXPECT_GT(complete, 10'000U);
}

} // namespace
} // namespace godwit::mtproto::test
