#include "protocol/mtproto/transport/packet_reader.hpp"

#include <algorithm>
#include <utility>

namespace godwit::mtproto {

namespace {

/// A kept packet's memory is at most so many times what came in, but for small ones.
constexpr std::size_t growth = 4;
constexpr std::size_t small_packet = 1024;

} // namespace

expected<std::optional<packet>, transport_errc> packet_reader::next() {
  drop_read();
  for (;;) {
    const bool from_kept = !kept_.empty();
    const auto bytes = from_kept ? std::span(kept_).subspan(kept_read_) : fresh_;
    if (bytes.empty()) {
      return std::nullopt;
    }
    const auto view = read_frame(framing_, reader_, bytes, limits_, sequence_);
    if (!view) {
      return unexpected(view.error());
    }
    if (view->kind != frame_view::content::partial) {
      if (from_kept) {
        kept_read_ += view->size;
      } else {
        fresh_ = fresh_.subspan(view->size);
      }
      return take(bytes, *view);
    }
    // Only the rest of this one packet is copied; those behind it are read where they are.
    const std::size_t missing = view->size - (from_kept ? bytes.size() : 0);
    const std::size_t count = std::min(missing, fresh_.size());
    if (count == 0) {
      return std::nullopt;
    }
    keep(count, view->size);
  }
}

void packet_reader::park() {
  drop_read();
  keep(fresh_.size(), 0);
}

/// The packet given last is done with.
void packet_reader::drop_read() {
  if (kept_read_ != 0 && kept_read_ == kept_.size()) {
    kept_ = std::vector<std::uint8_t>(); // `= {}` would keep the memory
    kept_read_ = 0;
  }
}

void packet_reader::keep(std::size_t count, std::size_t expected_size) {
  if (count == 0) {
    return;
  }
  kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(kept_read_));
  kept_read_ = 0;
  const std::size_t size = kept_.size() + count;
  if (size > kept_.capacity()) {
    kept_.reserve(std::max(size, std::min(expected_size, std::max(size * growth, small_packet))));
  }
  kept_.insert(kept_.end(), fresh_.begin(), fresh_.begin() + static_cast<std::ptrdiff_t>(count));
  fresh_ = fresh_.subspan(count);
}

std::optional<packet> packet_reader::take(std::span<std::uint8_t> bytes, const frame_view& view) {
  packet taken;
  if (view.kind == frame_view::content::quick_ack) {
    taken.quick_ack_token = view.quick_ack_token;
    return taken;
  }
  ++sequence_;
  taken.bytes = bytes.subspan(view.payload_offset, view.payload_size);
  taken.quick_ack_wanted = view.quick_ack_wanted;
  return taken;
}

} // namespace godwit::mtproto
