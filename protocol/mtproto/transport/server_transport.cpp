#include "protocol/mtproto/transport/server_transport.hpp"

#include <algorithm>

#include "protocol/mtproto/transport/first_bytes.hpp"
#include "protocol/mtproto/transport/obfuscation.hpp"

namespace godwit::mtproto {

server_transport::server_transport(bool http_allowed, const packet_limits& limits)
    : reader_(stream_end::server, limits), http_allowed_(http_allowed) {}
server_transport::server_transport(server_transport&&) noexcept = default;
server_transport& server_transport::operator=(server_transport&&) noexcept = default;
server_transport::~server_transport() = default;

expected<server_transport::stage, transport_errc> server_transport::feed(std::span<std::uint8_t> bytes) {
  if (stage_ == stage::detecting) {
    if (auto told = detect(bytes); !told) {
      return unexpected(told.error());
    }
  }
  if (stage_ == stage::packets) {
    if (obfuscation_) {
      obfuscation_->from_client.apply(bytes);
    }
    reader_.feed(bytes);
  }
  return stage_;
}

expected<void, transport_errc> server_transport::detect(std::span<std::uint8_t>& bytes) {
  using kind = first_bytes_verdict::kind;
  detection_taken_ = 0;
  for (;;) {
    const auto verdict = tell_first_bytes(first_);
    std::size_t needed = 0;
    switch (verdict.what) {
    case kind::undecided: needed = verdict.size; break;
    case kind::obfuscated: needed = obfuscation_header_bytes; break;
    case kind::tls: return unexpected(transport_errc::tls);
    case kind::http:
      if (!http_allowed_) {
        return unexpected(transport_errc::http);
      }
      stage_ = stage::http;
      return {};
    case kind::plain:
      settle({.framing = verdict.framing, .obfuscated = false});
      // The full transport is known by bytes of its first packet.
      if (verdict.size == 0) {
        reader_.feed(first_);
        reader_.park();
      }
      first_ = std::vector<std::uint8_t>();
      return {};
    }
    if (first_.size() == needed) {
      settle_obfuscated();
      return {};
    }
    const std::size_t count = std::min(needed - first_.size(), bytes.size());
    if (count == 0) {
      return {};
    }
    first_.insert(first_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
    bytes = bytes.subspan(count);
    detection_taken_ += count;
  }
}

void server_transport::settle(transport_kind kind) {
  kind_ = kind;
  stage_ = stage::packets;
  reader_.set_framing(kind.framing);
  writer_ = frame_writer(kind.framing);
}

void server_transport::settle_obfuscated() {
  obfuscation_header header;
  std::copy(first_.begin(), first_.end(), header.begin());
  first_ = std::vector<std::uint8_t>();
  obfuscation_ = std::make_unique<obfuscation>(obfuscation::accept(header));
  settle({.framing = obfuscation_->framing, .obfuscated = true});
}

std::optional<std::int16_t> server_transport::offered_dc() const {
  return obfuscation_ ? std::optional(obfuscation_->dc) : std::nullopt;
}

void server_transport::seal(std::span<std::uint8_t> bytes) {
  if (obfuscation_) {
    obfuscation_->to_client.apply(bytes);
  }
}

} // namespace godwit::mtproto
