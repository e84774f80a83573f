#include "node/edge/websocket_frames.hpp"

#include <algorithm>
#include <cstring>

namespace godwit::node {

namespace {

using kind = websocket_reader::step::kind;

constexpr std::uint8_t fin_bit = 0x80;
constexpr std::uint8_t reserved_bits = 0x70;
constexpr std::uint8_t mask_bit = 0x80;
constexpr std::uint8_t length_16 = 126;
constexpr std::uint8_t length_64 = 127;

std::uint64_t big_endian(std::span<const std::uint8_t> bytes) {
  std::uint64_t value = 0;
  for (const std::uint8_t byte : bytes) {
    value = value << 8 | byte;
  }
  return value;
}

} // namespace

websocket_reader::step websocket_reader::next(std::span<std::uint8_t>& in) {
  for (;;) {
    switch (stage_) {
    case stage::broken: return failed(websocket_status::protocol_error);
    case stage::header: {
      if (!take_header(in)) {
        return {};
      }
      if (const step begun = begin_frame(); begun.what != kind::more) {
        return begun;
      }
      break;
    }
    case stage::data:
      if (left_ == 0) {
        stage_ = stage::header;
        break;
      }
      return in.empty() ? step{} : take_data(in);
    case stage::control: {
      const step taken = take_control(in);
      if (taken.what != kind::more || stage_ == stage::control) {
        return taken;
      }
      break;
    }
    }
  }
}

/// Of the frame whose first bytes are in header_, as far as these tell.
std::size_t websocket_reader::header_size() const {
  constexpr std::size_t fixed = 2;
  constexpr std::size_t mask = 4;
  if (header_seen_ < fixed) {
    return fixed;
  }
  const std::uint8_t length = header_[1] & 0x7F;
  return fixed + (length == length_16 ? 2U : length == length_64 ? 8U : 0U) + mask;
}

bool websocket_reader::take_header(std::span<std::uint8_t>& in) {
  while (header_seen_ < header_size()) {
    const std::size_t count = std::min(header_size() - header_seen_, in.size());
    if (count == 0) {
      return false;
    }
    std::copy_n(in.begin(), count, header_.begin() + header_seen_);
    header_seen_ = static_cast<std::uint8_t>(header_seen_ + count);
    in = in.subspan(count);
    // Section 5.1: "a server MUST close the connection upon receiving a frame that is not masked".
    if (header_seen_ >= 2 && (header_[1] & mask_bit) == 0) {
      stage_ = stage::broken;
      return true;
    }
  }
  return true;
}

websocket_reader::step websocket_reader::begin_frame() {
  if (stage_ == stage::broken || (header_[0] & reserved_bits) != 0) {
    return failed(websocket_status::protocol_error);
  }
  const std::size_t size = header_size();
  const std::uint8_t length = header_[1] & 0x7F;
  const bool last = (header_[0] & fin_bit) != 0;
  opcode_ = static_cast<websocket_opcode>(header_[0] & 0x0F);
  left_ = length < length_16 ? length : big_endian(std::span(header_).subspan(2, size - 6));
  std::copy_n(header_.begin() + static_cast<std::ptrdiff_t>(size - 4), 4, mask_.begin());
  mask_at_ = 0;
  header_seen_ = 0;
  control_size_ = 0;
  if (left_ >> 63 != 0) {
    return failed(websocket_status::protocol_error);
  }
  switch (opcode_) {
  case websocket_opcode::continuation:
  case websocket_opcode::binary:
    // Section 5.4: a message begins with its opcode and goes on with none.
    if (in_message_ != (opcode_ == websocket_opcode::continuation)) {
      return failed(websocket_status::protocol_error);
    }
    in_message_ = !last;
    stage_ = stage::data;
    return {};
  case websocket_opcode::close:
  case websocket_opcode::ping:
  case websocket_opcode::pong:
    // Section 5.5: "MUST have a payload length of 125 bytes or less and MUST NOT be fragmented".
    if (!last || left_ > control_.size()) {
      return failed(websocket_status::protocol_error);
    }
    stage_ = stage::control;
    return {};
  case websocket_opcode::text: return failed(websocket_status::unsupported);
  }
  return failed(websocket_status::protocol_error);
}

websocket_reader::step websocket_reader::take_data(std::span<std::uint8_t>& in) {
  const auto bytes = in.first(static_cast<std::size_t>(std::min<std::uint64_t>(left_, in.size())));
  unmask(bytes);
  left_ -= bytes.size();
  in = in.subspan(bytes.size());
  return {.what = kind::data, .bytes = bytes};
}

websocket_reader::step websocket_reader::take_control(std::span<std::uint8_t>& in) {
  const auto bytes = in.first(static_cast<std::size_t>(std::min<std::uint64_t>(left_, in.size())));
  unmask(bytes);
  std::copy(bytes.begin(), bytes.end(), control_.begin() + control_size_);
  control_size_ = static_cast<std::uint8_t>(control_size_ + bytes.size());
  left_ -= bytes.size();
  in = in.subspan(bytes.size());
  if (left_ != 0) {
    return {};
  }
  stage_ = stage::header;
  const auto whole = std::span(control_).first(control_size_);
  switch (opcode_) {
  case websocket_opcode::ping: return {.what = kind::ping, .bytes = whole};
  case websocket_opcode::close: return {.what = kind::close, .bytes = whole};
  default: return {};
  }
}

websocket_reader::step websocket_reader::failed(websocket_status status) {
  stage_ = stage::broken;
  return {.what = kind::failed, .bytes = {}, .status = status};
}

void websocket_reader::unmask(std::span<std::uint8_t> bytes) {
  std::array<std::uint8_t, sizeof(std::uint64_t)> pattern{};
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    pattern[i] = mask_[(mask_at_ + i) & 3];
  }
  std::uint64_t masks = 0;
  std::memcpy(&masks, pattern.data(), sizeof(masks));
  std::size_t i = 0;
  for (; i + sizeof(masks) <= bytes.size(); i += sizeof(masks)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, sizeof(word));
    word ^= masks;
    std::memcpy(bytes.data() + i, &word, sizeof(word));
  }
  for (; i < bytes.size(); ++i) {
    bytes[i] ^= pattern[i % pattern.size()];
  }
  mask_at_ = static_cast<std::uint8_t>((mask_at_ + bytes.size()) & 3);
}

void wrap_frame(std::vector<std::uint8_t>& out, std::size_t begin, websocket_opcode opcode) {
  const std::uint64_t size = out.size() - begin;
  std::array<std::uint8_t, 10> header{static_cast<std::uint8_t>(fin_bit | static_cast<std::uint8_t>(opcode))};
  std::size_t length_bytes = 0;
  if (size < length_16) {
    header[1] = static_cast<std::uint8_t>(size);
  } else if (size <= 0xFFFF) {
    header[1] = length_16;
    length_bytes = 2;
  } else {
    header[1] = length_64;
    length_bytes = 8;
  }
  for (std::size_t i = 0; i < length_bytes; ++i) {
    header[2 + i] = static_cast<std::uint8_t>(size >> (8 * (length_bytes - 1 - i)));
  }
  out.insert(out.begin() + static_cast<std::ptrdiff_t>(begin), header.begin(),
             header.begin() + static_cast<std::ptrdiff_t>(2 + length_bytes));
}

} // namespace godwit::node
