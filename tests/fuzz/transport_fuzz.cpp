// A stream of any bytes at a server: cut in two ways it gives the same packets, and nothing is given or
// kept beyond what came in. The first byte chooses the cut.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "config/limits.hpp"
#include "protocol/mtproto/transport/proxy_header.hpp"
#include "protocol/mtproto/transport/server_transport.hpp"

namespace {

using namespace godwit;
using namespace godwit::mtproto;
using bytes = std::vector<std::uint8_t>;

constexpr packet_limits bounds = {limits::packet_bytes_max, limits::handshake_packet_bytes_max};

void require(bool holds) {
  if (!holds) {
    std::abort();
  }
}

struct result {
  std::vector<bytes> packets;
  int end = -1; ///< -1: goes on; an error; or HTTP

  bool operator==(const result&) const = default;
};

void read_piece(server_transport& server, bytes piece, result& out) {
  const auto stage = server.feed(piece);
  if (!stage || *stage == server_transport::stage::http) {
    out.end = stage ? 100 : static_cast<int>(stage.error());
    return;
  }
  for (;;) {
    const auto next = server.next();
    if (!next) {
      out.end = static_cast<int>(next.error());
      return;
    }
    if (!*next) {
      return;
    }
    out.packets.emplace_back((*next)->bytes.begin(), (*next)->bytes.end());
  }
}

result read_in_pieces(std::span<const std::uint8_t> stream, std::size_t piece) {
  server_transport server(true, bounds);
  result out;
  for (std::size_t at = 0; at < stream.size() && out.end == -1; at += piece) {
    const auto part = stream.subspan(at, std::min(piece, stream.size() - at));
    read_piece(server, bytes(part.begin(), part.end()), out);
    require(server.reader().kept_bytes() <= at + part.size());
  }
  return out;
}

void read_proxy_header(std::span<const std::uint8_t> stream) {
  proxy_header_reader reader;
  bytes copy(stream.begin(), stream.end());
  std::span<std::uint8_t> left(copy);
  const auto fed = reader.feed(left);
  require(!fed || *fed || left.empty());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::span<const std::uint8_t> stream(data + 1, size - 1);
  const result whole = read_in_pieces(stream, stream.size() + 1);
  require(read_in_pieces(stream, 1 + data[0] % 32) == whole);
  std::size_t given = 0;
  for (const bytes& packet : whole.packets) {
    given += packet.size();
  }
  require(given <= stream.size());
  read_proxy_header(stream);
  return 0;
}
