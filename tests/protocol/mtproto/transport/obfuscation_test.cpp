// https://core.telegram.org/mtproto/mtproto-transports#transport-obfuscation

#include <gtest/gtest.h>

#include <algorithm>

#include "protocol/crypto/aes_ctr.hpp"
#include "protocol/mtproto/transport/first_bytes.hpp"
#include "protocol/mtproto/transport/obfuscation.hpp"
#include "tests/protocol/mtproto/transport/transport_fixture.hpp"

namespace godwit::mtproto::test {
namespace {

/// 56 bytes of header, the name of the intermediate framing, DC -2 and two bytes of noise, encrypted; then a
/// packet of 8 bytes. Made with the openssl program.
bytes golden_stream() {
  bytes stream;
  for (int i = 0; i < 56; ++i) {
    stream.push_back(static_cast<std::uint8_t>(i * 7 + 3));
  }
  for (const int byte : {0x27, 0xA3, 0xE2, 0x6A, 0x37, 0x24, 0x3B, 0x83, // the rest of the header
                         0x98, 0xA5, 0x7A, 0xB4, 0xDC, 0x9C, 0x96, 0x79, 0x6C, 0xED, 0xDC, 0x1B}) {
    stream.push_back(static_cast<std::uint8_t>(byte));
  }
  return stream;
}

// Goal: the key streams begin where the page says, the server's with the reversed bytes. Method: a header and
// a packet made by another program; the answer -404 compared with that program's.
TEST(obfuscation, AHeaderMakesTheKeyStreamsOfThePage) {
  server_transport server(true, wide);
  outcome out;
  ASSERT_TRUE(feed(server, golden_stream(), out));
  EXPECT_EQ(out.packets, (std::vector<bytes>{{1, 2, 3, 4, 5, 6, 7, 8}}));
  EXPECT_EQ(server.kind(), (transport_kind{framing::intermediate, true}));
  EXPECT_EQ(server.offered_dc(), -2);

  bytes answer;
  server.writer().append_error(answer, -404);
  server.seal(answer);
  EXPECT_EQ(answer, (bytes{0x24, 0x64, 0xAA, 0xF6, 0x37, 0x3E, 0xE8, 0x55}));
}

// Goal: a client's header is never taken for another transport, and what it says arrives. Method: a thousand
// headers of each framing.
TEST(obfuscation, AnOfferedHeaderIsTakenForNothingElse) {
  seeded_random random(3);
  for (const auto framing : {framing::abridged, framing::intermediate, framing::padded_intermediate, framing::full}) {
    for (int i = 0; i < 1000; ++i) {
      obfuscation_header header;
      const auto dc = static_cast<std::int16_t>(i - 500);
      auto offered = obfuscation::offer(framing, dc, random, header);
      ASSERT_EQ(tell_first_bytes(header).what, first_bytes_verdict::kind::obfuscated);
      const auto accepted = obfuscation::accept(header);
      ASSERT_EQ(accepted.framing, framing);
      ASSERT_EQ(accepted.dc, dc);
    }
  }
}

// Goal: random headers that begin like another transport are made anew. Method: a generator whose first
// headers begin with each of the reserved words.
TEST(obfuscation, AHeaderThatBeginsLikeAnotherTransportIsMadeAnew) {
  class unlucky_random final : public crypto::random_source {
  public:
    void fill(std::span<std::uint8_t> out) override {
      static const std::vector<bytes> starts = {{0xEF},
                                                {0xEE, 0xEE, 0xEE, 0xEE},
                                                {0xDD, 0xDD, 0xDD, 0xDD},
                                                {'G', 'E', 'T', ' '},
                                                {'P', 'O', 'S', 'T'},
                                                {'H', 'E', 'A', 'D'},
                                                {'O', 'P', 'T', 'I'},
                                                {0x16, 0x03, 0x01, 0x02},
                                                {9, 9, 9, 9, 0, 0, 0, 0}};
      std::fill(out.begin(), out.end(), std::uint8_t{5});
      if (calls < starts.size()) {
        std::copy(starts[calls].begin(), starts[calls].end(), out.begin());
      }
      ++calls;
    }
    std::size_t calls = 0;
  };
  unlucky_random random;
  obfuscation_header header;
  auto offered = obfuscation::offer(framing::abridged, 2, random, header);
  EXPECT_EQ(random.calls, 10U);
  EXPECT_EQ(header[0], 5);
}

// Goal: AES-256-CTR goes on where it stopped, whatever the pieces. Method: NIST SP 800-38A, F.5.5, with every
// pair of cuts.
TEST(obfuscation, TheKeyStreamGoesOnWhereItStopped) {
  const crypto::aes_ctr::key_type key = {0x60, 0x3d, 0xeb, 0x10, 0x15, 0xca, 0x71, 0xbe, 0x2b, 0x73, 0xae,
                                         0xf0, 0x85, 0x7d, 0x77, 0x81, 0x1f, 0x35, 0x2c, 0x07, 0x3b, 0x61,
                                         0x08, 0xd7, 0x2d, 0x98, 0x10, 0xa3, 0x09, 0x14, 0xdf, 0xf4};
  const crypto::aes_ctr::iv_type iv = {0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7,
                                       0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff};
  const bytes plain = {0x6b, 0xc1, 0xbe, 0xe2, 0x2e, 0x40, 0x9f, 0x96, 0xe9, 0x3d, 0x7e, 0x11, 0x73, 0x93, 0x17, 0x2a,
                       0xae, 0x2d, 0x8a, 0x57, 0x1e, 0x03, 0xac, 0x9c, 0x9e, 0xb7, 0x6f, 0xac, 0x45, 0xaf, 0x8e, 0x51,
                       0x30, 0xc8, 0x1c, 0x46, 0xa3, 0x5c, 0xe4, 0x11, 0xe5, 0xfb, 0xc1, 0x19, 0x1a, 0x0a, 0x52, 0xef};
  const bytes cipher = {0x60, 0x1e, 0xc3, 0x13, 0x77, 0x57, 0x89, 0xa5, 0xb7, 0xa7, 0xf5, 0x04, 0xbb, 0xf3, 0xd2, 0x28,
                        0xf4, 0x43, 0xe3, 0xca, 0x4d, 0x62, 0xb5, 0x9a, 0xca, 0x84, 0xe9, 0x90, 0xca, 0xca, 0xf5, 0xc5,
                        0x2b, 0x09, 0x30, 0xda, 0xa2, 0x3d, 0xe9, 0x4c, 0xe8, 0x70, 0x17, 0xba, 0x2d, 0x84, 0x98, 0x8d};
  for (std::size_t first = 0; first <= plain.size(); ++first) {
    for (std::size_t second = first; second <= plain.size(); ++second) {
      crypto::aes_ctr stream(key, iv);
      bytes data = plain;
      stream.apply(std::span(data).first(first));
      stream.apply(std::span(data).subspan(first, second - first));
      stream.apply(std::span(data).subspan(second));
      ASSERT_EQ(data, cipher) << first << ' ' << second;
    }
  }
}

// Goal: the counter carries over its bytes. Method: a counter of all ones, in one call and in two.
TEST(obfuscation, TheCounterCarries) {
  const crypto::aes_ctr::key_type key{};
  crypto::aes_ctr::iv_type iv;
  iv.fill(0xFF);
  bytes whole(80, 0);
  bytes cut = whole;
  crypto::aes_ctr(key, iv).apply(whole);
  crypto::aes_ctr stream(key, iv);
  for (std::size_t i = 0; i < cut.size(); i += 5) {
    stream.apply(std::span(cut).subspan(i, 5));
  }
  EXPECT_EQ(cut, whole);
  // Block 1 of the stream is the counter 0.
  bytes second(16, 0);
  crypto::aes_ctr(key, {}).apply(second);
  EXPECT_TRUE(std::equal(second.begin(), second.end(), whole.begin() + 16));
}

} // namespace
} // namespace godwit::mtproto::test
