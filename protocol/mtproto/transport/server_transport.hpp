#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "protocol/expected.hpp"
#include "protocol/mtproto/transport/frame.hpp"
#include "protocol/mtproto/transport/packet_reader.hpp"

namespace godwit::mtproto {

struct obfuscation;

/// The server's end of one connection: finds out by the first bytes which transport the client speaks,
/// takes packets out of what comes in and puts answers into the same transport.
///
/// Reading: feed() bytes, then next() until it gives nothing, or park(). Writing: append packets to a
/// buffer with writer(), and seal() every byte of it once, in order, before it is sent.
class server_transport {
public:
  /// `http_allowed`: whether the first bytes of an HTTP request are told apart (on the port) or an error
  /// (inside a WebSocket).
  server_transport(bool http_allowed, const packet_limits& limits);
  server_transport(server_transport&&) noexcept;
  server_transport& operator=(server_transport&&) noexcept;
  ~server_transport();

  enum class stage : std::uint8_t {
    /// Too few bytes to tell.
    detecting,
    /// The stream is HTTP: it goes on elsewhere, with first_bytes() and what was fed behind the
    /// `detection_taken` bytes that are among them.
    http,
    packets,
  };

  /// Takes over what came in and removes the obfuscation in place. Not to be called in the stage `http`.
  expected<stage, transport_errc> feed(std::span<std::uint8_t> bytes);
  expected<std::optional<packet>, transport_errc> next() { return reader_.next(); }
  void park() { reader_.park(); }

  [[nodiscard]] stage current_stage() const { return stage_; }
  /// Known in the stage `packets`.
  [[nodiscard]] transport_kind kind() const { return kind_; }
  /// The DC in the header of an obfuscated connection; noise from several clients.
  [[nodiscard]] std::optional<std::int16_t> offered_dc() const;

  [[nodiscard]] std::span<const std::uint8_t> first_bytes() const { return first_; }
  [[nodiscard]] std::size_t detection_taken() const { return detection_taken_; }

  /// A packet is partly here, or the transport is not known yet: the client owes bytes.
  [[nodiscard]] bool is_amid_packet() const { return stage_ != stage::packets || reader_.kept_bytes() != 0; }
  [[nodiscard]] const packet_reader& reader() const { return reader_; }
  void set_limits(const packet_limits& limits) { reader_.set_limits(limits); }

  /// For the stage `packets`.
  frame_writer& writer() { return writer_; }
  /// Puts the obfuscation, if there is one, on bytes about to be sent.
  void seal(std::span<std::uint8_t> bytes);

private:
  /// Moves what is needed to tell the transport from `bytes` into first_.
  expected<void, transport_errc> detect(std::span<std::uint8_t>& bytes);
  void settle(transport_kind kind);
  void settle_obfuscated();

  packet_reader reader_;
  frame_writer writer_;
  std::unique_ptr<obfuscation> obfuscation_;
  /// Read while the transport was unknown; freed once it is.
  std::vector<std::uint8_t> first_;
  std::size_t detection_taken_ = 0;
  stage stage_ = stage::detecting;
  transport_kind kind_;
  bool http_allowed_;
};

} // namespace godwit::mtproto
