#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "protocol/crypto/random.hpp"
#include "protocol/expected.hpp"
#include "protocol/mtproto/transport/transport_errc.hpp"
#include "protocol/mtproto/transport/transport_kind.hpp"

namespace godwit::mtproto {

/// Which end of a connection reads. Only a client gets quick acknowledgements, which stand between
/// packets without a frame of their own; only a server gets requests for them.
enum class stream_end : std::uint8_t { server, client };

/// Bounds of packets, without framing and padding.
struct packet_limits {
  std::size_t bytes_max = 0;
  /// Of unencrypted packets, which belong to a key exchange. A server's reader looks at it.
  std::size_t unencrypted_bytes_max = 0;
};

/// What the bytes at the front of a stream begin with.
struct frame_view {
  enum class content : std::uint8_t {
    /// Not whole yet: `size` bytes are needed to say more.
    partial,
    packet,
    /// To a client: `quick_ack_token` is the server's word that a packet came in.
    quick_ack,
  };

  content kind = content::partial;
  /// A packet's sender wants a quick acknowledgement.
  bool quick_ack_wanted = false;
  std::uint32_t quick_ack_token = 0;
  /// Bytes of the stream that belong to it, or, of a partial one, that must be there to read further.
  std::size_t size = 0;
  std::size_t payload_offset = 0;
  std::size_t payload_size = 0;
};

/// Looks at the front of a stream. Changes nothing; the full transport's `sequence` is checked, not
/// counted. The payload of a padded packet ends where its message does, see unpadded_size.
expected<frame_view, transport_errc> read_frame(framing framing, stream_end reader, std::span<const std::uint8_t> bytes,
                                                const packet_limits& limits, std::uint32_t sequence);

/// Size of the packet that a payload of the padded intermediate transport begins with: an encrypted one
/// is 24 bytes and a multiple of 16, an unencrypted one tells its length, and what is too short for
/// either is a transport error of 4 bytes. Padding is 0 to 15 bytes.
std::size_t unpadded_size(std::span<const std::uint8_t> payload);

/// The code in a packet that is no message but a transport error; 0: it is none.
std::int32_t transport_error_in(std::span<const std::uint8_t> payload);

/// Appends frames to a buffer. One per direction of a connection: the full transport counts packets.
class frame_writer {
public:
  frame_writer() = default;
  explicit frame_writer(framing framing) : framing_(framing) {}

  /// Appends a whole packet. `payload.size()` is a positive multiple of 4.
  void append(std::vector<std::uint8_t>& out, std::span<const std::uint8_t> payload, crypto::random_source& random,
              bool quick_ack_wanted = false);

  /// Appends the frame of a packet whose content comes later and returns where in `out` it goes. The
  /// frame is whole once close() was called.
  std::size_t open(std::vector<std::uint8_t>& out, std::size_t payload_size, crypto::random_source& random,
                   bool quick_ack_wanted = false);
  /// Completes what open() began, once the packet is in its place.
  void close(std::span<std::uint8_t> out, std::size_t payload_at, std::size_t payload_size) const;

  /// Appends the 4 bytes that stand for a packet; never padded, for clients know them by their size.
  void append_error(std::vector<std::uint8_t>& out, std::int32_t code);

  /// Appends a quick acknowledgement; nothing with the full transport, which has none. The highest bit
  /// of the token is set here.
  void append_quick_ack(std::vector<std::uint8_t>& out, std::uint32_t token);

private:
  void append_header(std::vector<std::uint8_t>& out, std::size_t size, bool quick_ack_wanted);

  mtproto::framing framing_ = framing::abridged;
  std::uint32_t sequence_ = 0;
};

} // namespace godwit::mtproto
