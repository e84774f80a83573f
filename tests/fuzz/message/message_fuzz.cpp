// What an authentic but hostile client can send, from any bytes: first the envelopes, then a series of
// messages to one session, which stays within its bounds and whose packets can be read again.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "config/limits.hpp"
#include "protocol/mtproto/message/client_session.hpp"
#include "protocol/mtproto/message/envelope.hpp"
#include "protocol/mtproto/message/server_session.hpp"

namespace {

using namespace godwit;
using namespace godwit::mtproto;

constexpr unix_ms now = 1'790'000'000'000;

void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

class zeros : public crypto::random_source {
public:
  void fill(std::span<std::uint8_t> out) override {
    for (auto& byte : out) {
      byte = 0;
    }
  }
};

class packets : public packet_sink {
public:
  std::span<std::uint8_t> open(std::size_t size) override {
    made.emplace_back(size);
    return made.back();
  }
  std::vector<std::vector<std::uint8_t>> made;
};

void read_envelopes(std::span<const std::uint8_t> bytes) {
  std::vector<std::uint8_t> copy(bytes.begin(), bytes.end());
  (void)parse_encrypted(copy);
  if (const auto plain = parse_plain(bytes)) {
    require(plain->body.size() + 20 <= bytes.size());
  }
  if (const auto inner = parse_inner(buffer_slice::copy_of(bytes))) {
    require(inner->body.size() + 32 + 12 <= bytes.size());
  }
}

/// One byte of control and two of length in front of each message.
void run_session(std::span<const std::uint8_t> bytes) {
  zeros random;
  const auto key = std::make_shared<const crypto::auth_key>();
  server_session session(
    {.id = session_id(1), .key = key, .first = first_salt{7, 2'000'000'000}, .layer = 0, .random = &random});
  client_session client({.id = session_id(1), .key = key, .salt = 7, .random = &random});
  client_output heard;
  session_output out;
  std::uint32_t content = 0;
  while (bytes.size() >= 3) {
    const std::uint8_t control = bytes[0];
    const std::size_t size = std::min<std::size_t>(bytes.size() - 3, bytes[1] | bytes[2] << 8);
    const auto body = bytes.subspan(3, size);
    bytes = bytes.subspan(3 + size);
    const connection_id connection(1 + (control & 1));
    const std::uint32_t seqno = (control & 2) != 0 ? 2 * content : 2 * content++ + 1;
    out.clear();
    session.receive(connection, {7, session_id(1), client.next_id(now), seqno, buffer_slice::copy_of(body)}, now, out);
    for (const call& one : out.calls) {
      if ((control & 4) != 0) {
        session_output more;
        session.answer(one.id, payload(one.body), now, more);
      }
    }
    packets made;
    if ((control & 8) != 0) {
      session.flush(connection, now, made);
    }
    for (const auto& packet : made.made) {
      const auto inner = parse_inner(buffer_slice::copy_of(std::span(packet).subspan(outer_header_bytes)));
      require(inner.has_value());
      client.receive(*inner, now, heard);
      require(!heard.broken);
    }
    require(session.memory_bytes() < (std::size_t{16} << 20));
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  read_envelopes({data, size});
  run_session({data, size});
  return 0;
}
