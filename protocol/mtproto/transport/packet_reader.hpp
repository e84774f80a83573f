#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "protocol/expected.hpp"
#include "protocol/mtproto/transport/frame.hpp"

namespace godwit::mtproto {

/// One thing that came in. Valid until the next call of the reader that gave it.
struct packet {
  /// Lies in the caller's buffer or in the reader's; may be changed in place. Without padding. Empty for
  /// a quick acknowledgement.
  std::span<std::uint8_t> bytes;
  /// Server: the client asks for a quick acknowledgement.
  bool quick_ack_wanted = false;
  /// Client: the token of a quick acknowledgement, whose highest bit is set; 0 for packets.
  std::uint32_t quick_ack_token = 0;
};

/// Cuts a stream of bytes into packets. Packets that are whole in a buffer that is fed are not copied;
/// a partial one is, into memory that grows with what came in, not with what was announced, and is freed
/// with the packet: between packets the reader holds none.
class packet_reader {
public:
  packet_reader(stream_end reader, const packet_limits& limits) : limits_(limits), reader_(reader) {}

  void set_framing(framing framing) { framing_ = framing; }
  /// Holds from the next packet on.
  void set_limits(const packet_limits& limits) { limits_ = limits; }

  /// `bytes` stay the caller's and have to live until next() has returned nothing, or park(). Fed only
  /// when that was so.
  void feed(std::span<std::uint8_t> bytes) { fresh_ = bytes; }

  /// The next packet; none: all that was fed is read or kept. After an error the stream is done with.
  expected<std::optional<packet>, transport_errc> next();

  /// Keeps what was fed and not read, for a caller that has to stop in between. next() goes on with it.
  void park();

  /// Bytes kept of packets that are not whole, or that were parked.
  [[nodiscard]] std::size_t kept_bytes() const { return kept_.size() - kept_read_; }
  /// Memory held for them.
  [[nodiscard]] std::size_t kept_capacity() const { return kept_.capacity(); }

private:
  void drop_read();
  void keep(std::size_t count, std::size_t expected_size);
  std::optional<packet> take(std::span<std::uint8_t> bytes, const frame_view& view);

  std::vector<std::uint8_t> kept_;
  std::size_t kept_read_ = 0;
  std::span<std::uint8_t> fresh_;
  packet_limits limits_;
  stream_end reader_;
  framing framing_ = framing::abridged;
  std::uint32_t sequence_ = 0;
};

} // namespace godwit::mtproto
