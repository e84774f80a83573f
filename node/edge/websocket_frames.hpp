#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace godwit::node {

/// Status codes of RFC 6455, section 7.4.1.
enum class websocket_status : std::uint16_t {
  normal = 1000,
  going_away = 1001,
  protocol_error = 1002,
  unsupported = 1003
};

enum class websocket_opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

/// Takes the frames of a client apart (RFC 6455, section 5). What is inside data frames is one stream of
/// bytes: where messages begin and end means nothing to it, and nothing is gathered, however long a frame.
///
/// An own reader, for the library's keeps a buffer and a composed operation for each idle connection; this
/// one has 150 bytes, works in the loop's read buffer, and stops wherever the reader is told to.
class websocket_reader {
public:
  struct step {
    enum class kind : std::uint8_t {
      /// Everything was read.
      more,
      /// `bytes`, in place, without the mask.
      data,
      /// To be answered with a pong of the same `bytes`.
      ping,
      /// The client closes; `bytes` is what it says, of which the first two are a status.
      close,
      /// A rule was broken: `status` says which.
      failed,
    };
    kind what = kind::more;
    std::span<std::uint8_t> bytes;
    websocket_status status = websocket_status::normal;
  };

  /// Reads on in `in`, whose front it takes off. What a step gives is valid until the next call.
  step next(std::span<std::uint8_t>& in);

private:
  [[nodiscard]] std::size_t header_size() const;
  bool take_header(std::span<std::uint8_t>& in);
  step begin_frame();
  step take_data(std::span<std::uint8_t>& in);
  step take_control(std::span<std::uint8_t>& in);
  step failed(websocket_status status);
  void unmask(std::span<std::uint8_t> bytes);

  enum class stage : std::uint8_t { header, data, control, broken };

  std::array<std::uint8_t, 125> control_{}; // section 5.5: the longest control frame
  std::array<std::uint8_t, 14> header_{};
  std::array<std::uint8_t, 4> mask_{};
  std::uint8_t header_seen_ = 0;
  std::uint8_t control_size_ = 0;
  std::uint8_t mask_at_ = 0;
  stage stage_ = stage::header;
  websocket_opcode opcode_ = websocket_opcode::binary;
  bool in_message_ = false;
  std::uint64_t left_ = 0;
};

/// Puts the header of a whole frame in front of the bytes of `out` from `begin` on.
void wrap_frame(std::vector<std::uint8_t>& out, std::size_t begin, websocket_opcode opcode);

} // namespace godwit::node
