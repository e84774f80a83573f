#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "cluster/peer/peer_hub.hpp"
#include "config/cluster_limits.hpp"
#include "persistence/base/slice.hpp"

namespace godwit::cluster {

/// Before each envelope's body in a frame: the body's bytes (32 bits, the lowest byte first) and its kind.
inline constexpr std::size_t envelope_header_bytes = 5;

/// The hub's own kinds: a frame that holds one of them holds nothing else, and takes no credit.
constexpr bool stands_alone(std::uint8_t kind) {
  return kind == static_cast<std::uint8_t>(envelope_kind::hello) ||
         kind == static_cast<std::uint8_t>(envelope_kind::beat);
}

/// Envelopes that wait to be sent, as frames. Belongs to one thread at a time.
class envelope_batch {
public:
  /// Written straight behind what is there. False: it does not fit in any frame, and nothing changed.
  bool append(envelope_kind what, const peer_hub::body_writer& write);
  /// Behind what is there; takes all of it.
  void append(envelope_batch&& other);

  [[nodiscard]] bool empty() const { return bytes_ == 0; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

  /// The oldest frame; there is one.
  [[nodiscard]] std::size_t front_bytes() const { return full_.empty() ? open_.size() : full_.front().size(); }
  std::string take_front();
  void clear();

private:
  void close();

  std::deque<std::string> full_;
  std::string open_;
  std::size_t bytes_ = 0;
};

/// One envelope as a frame of its own.
std::string lone_envelope(envelope_kind what, const std::string& body);

/// Walks through the envelopes of a frame that the other side sent: any bytes.
class envelope_reader {
public:
  struct envelope {
    std::uint8_t kind = 0; ///< maybe one that this version does not know
    persistence::slice body;
  };

  explicit envelope_reader(persistence::slice frame) : rest_(std::move(frame)) {}

  /// Nothing at the end of the frame, and at what is no envelope.
  std::optional<envelope> next();
  /// next() has come to something that is no envelope.
  [[nodiscard]] bool damaged() const { return damaged_; }

  /// The frame is made of envelopes, at least one, and those that stand alone do. So a frame that somebody cut or made
  /// up is seen before any part of it is used.
  static bool whole(const persistence::slice& frame);

private:
  persistence::slice rest_;
  bool damaged_ = false;
};

} // namespace godwit::cluster
