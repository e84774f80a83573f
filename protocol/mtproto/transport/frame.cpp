#include "protocol/mtproto/transport/frame.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>

#include "protocol/mtproto/transport/little_endian.hpp"

namespace godwit::mtproto {

namespace {

using result = expected<frame_view, transport_errc>;

constexpr std::uint32_t top_bit = 0x8000'0000U;
constexpr std::size_t word = 4;
constexpr std::size_t key_id_bytes = 8;
/// What the padding of a packet may add to its bound.
constexpr std::size_t padding_max = 15;
/// Telethon takes `length % 4` bytes off as the padding, others find the end of the packet inside it: at
/// most 3 bytes suit all of them.
constexpr std::uint64_t padding_written_max = 3;
/// Of the full transport: length, sequence number, checksum.
constexpr std::size_t full_overhead = 12;

frame_view partial(std::size_t needed) {
  frame_view view;
  view.size = needed;
  return view;
}

frame_view token(std::uint32_t value) {
  frame_view view;
  view.kind = frame_view::content::quick_ack;
  view.quick_ack_token = value;
  view.size = word;
  return view;
}

frame_view packet_view(std::size_t header, std::size_t payload, std::size_t trailer, bool quick_ack) {
  frame_view view;
  view.kind = frame_view::content::packet;
  view.quick_ack_wanted = quick_ack;
  view.payload_offset = header;
  view.payload_size = payload;
  view.size = header + payload + trailer;
  return view;
}

/// `payload` has at least the 8 bytes of the key's id.
bool is_unencrypted(std::span<const std::uint8_t> payload) {
  return std::all_of(payload.begin(), payload.begin() + key_id_bytes, [](std::uint8_t byte) { return byte == 0; });
}

std::uint32_t swapped(std::uint32_t value) { return __builtin_bswap32(value); }

result read_abridged(stream_end reader, std::span<const std::uint8_t> bytes, std::size_t packet_bytes_max) {
  if (bytes.empty()) {
    return partial(1);
  }
  const bool flag = (bytes[0] & 0x80) != 0;
  if (flag && reader == stream_end::client) {
    // "If the abridged version is used, bswap is applied to these four bytes."
    return bytes.size() < word ? partial(word) : token(swapped(load_u32(bytes)));
  }
  std::size_t words = bytes[0] & 0x7F;
  std::size_t header = 1;
  if (words == 0x7F) {
    header = word;
    if (bytes.size() < header) {
      return partial(header);
    }
    words = load_u32(bytes) >> 8;
  }
  if (words == 0) {
    return unexpected(transport_errc::bad_length);
  }
  if (words * word > packet_bytes_max) {
    return unexpected(transport_errc::too_long);
  }
  return packet_view(header, words * word, 0, flag);
}

result read_intermediate(bool padded, stream_end reader, std::span<const std::uint8_t> bytes,
                         std::size_t packet_bytes_max) {
  if (bytes.size() < word) {
    return partial(word);
  }
  const std::uint32_t length = load_u32(bytes);
  const bool flag = (length & top_bit) != 0;
  if (flag && reader == stream_end::client) {
    return token(length);
  }
  const std::size_t size = length & ~top_bit;
  if (size < word || (!padded && size % word != 0)) {
    return unexpected(transport_errc::bad_length);
  }
  if (size > packet_bytes_max + (padded ? padding_max : 0)) {
    return unexpected(transport_errc::too_long);
  }
  return packet_view(word, size, 0, flag);
}

std::uint32_t checksum(std::span<const std::uint8_t> bytes) {
  return static_cast<std::uint32_t>(crc32_z(0, bytes.data(), bytes.size()));
}

result read_full(std::span<const std::uint8_t> bytes, std::size_t packet_bytes_max, std::uint32_t sequence) {
  if (bytes.size() < 2 * word) {
    return partial(2 * word);
  }
  const std::size_t length = load_u32(bytes);
  if (length < full_overhead + word || length % word != 0) {
    return unexpected(transport_errc::bad_length);
  }
  if (length > packet_bytes_max + full_overhead) {
    return unexpected(transport_errc::too_long);
  }
  if (load_u32(bytes.subspan(word)) != sequence) {
    return unexpected(transport_errc::wrong_sequence);
  }
  return packet_view(2 * word, length - full_overhead, word, false);
}

/// The frame that the bytes begin with, whether or not all of it is there.
result read_header(framing framing, stream_end reader, std::span<const std::uint8_t> bytes,
                   std::size_t packet_bytes_max, std::uint32_t sequence) {
  switch (framing) {
  case framing::abridged: return read_abridged(reader, bytes, packet_bytes_max);
  case framing::intermediate: return read_intermediate(false, reader, bytes, packet_bytes_max);
  case framing::padded_intermediate: return read_intermediate(true, reader, bytes, packet_bytes_max);
  case framing::full: return read_full(bytes, packet_bytes_max, sequence);
  }
  return unexpected(transport_errc::unknown_transport);
}

/// What can be told of a frame once all of it is there.
result checked(framing framing, std::span<const std::uint8_t> bytes, frame_view view) {
  if (framing == framing::padded_intermediate) {
    view.payload_size = unpadded_size(bytes.subspan(view.payload_offset));
  }
  if (framing == framing::full && checksum(bytes.first(bytes.size() - word)) != load_u32(bytes.last(word))) {
    return unexpected(transport_errc::wrong_checksum);
  }
  return view;
}

std::span<std::uint8_t> grow(std::vector<std::uint8_t>& out, std::size_t count) {
  const std::size_t old = out.size();
  out.resize(old + count);
  return std::span(out).subspan(old);
}

} // namespace

result read_frame(framing framing, stream_end reader, std::span<const std::uint8_t> bytes, const packet_limits& limits,
                  std::uint32_t sequence) {
  const auto whole = read_header(framing, reader, bytes, limits.bytes_max, sequence);
  if (!whole || whole->kind != frame_view::content::packet) {
    return whole;
  }
  if (reader == stream_end::server && whole->payload_size > limits.unencrypted_bytes_max &&
      bytes.size() >= whole->payload_offset + key_id_bytes && is_unencrypted(bytes.subspan(whole->payload_offset))) {
    return unexpected(transport_errc::too_long);
  }
  if (bytes.size() < whole->size) {
    return partial(whole->size);
  }
  return checked(framing, bytes.first(whole->size), *whole);
}

std::size_t unpadded_size(std::span<const std::uint8_t> payload) {
  constexpr std::size_t unencrypted_header = 20; // auth_key_id, message_id, message_data_length
  constexpr std::size_t encrypted_header = 24;   // auth_key_id, msg_key
  if (payload.size() < unencrypted_header) {
    return std::min(payload.size(), word);
  }
  if (is_unencrypted(payload)) {
    const std::size_t length = load_u32(payload.subspan(16));
    return length <= payload.size() - unencrypted_header ? unencrypted_header + length : payload.size();
  }
  if (payload.size() < encrypted_header) {
    return payload.size();
  }
  return encrypted_header + (payload.size() - encrypted_header) / 16 * 16;
}

std::int32_t transport_error_in(std::span<const std::uint8_t> payload) {
  return payload.size() == word ? static_cast<std::int32_t>(load_u32(payload)) : 0;
}

void frame_writer::append(std::vector<std::uint8_t>& out, std::span<const std::uint8_t> payload,
                          crypto::random_source& random, bool quick_ack_wanted) {
  const std::size_t at = open(out, payload.size(), random, quick_ack_wanted);
  std::copy(payload.begin(), payload.end(), out.begin() + static_cast<std::ptrdiff_t>(at));
  close(out, at, payload.size());
}

std::size_t frame_writer::open(std::vector<std::uint8_t>& out, std::size_t payload_size, crypto::random_source& random,
                               bool quick_ack_wanted) {
  std::size_t padding = 0;
  std::array<std::uint8_t, padding_written_max> noise{};
  if (framing_ == framing::padded_intermediate) {
    const std::uint64_t dice = random.next_u64();
    padding = dice & padding_written_max;
    for (std::size_t i = 0; i < noise.size(); ++i) {
      noise[i] = static_cast<std::uint8_t>(dice >> (8 * (i + 1)));
    }
  }
  append_header(out, payload_size + padding, quick_ack_wanted);
  const std::size_t at = out.size();
  grow(out, payload_size);
  out.insert(out.end(), noise.begin(), noise.begin() + static_cast<std::ptrdiff_t>(padding));
  if (framing_ == framing::full) {
    grow(out, word);
  }
  return at;
}

void frame_writer::close(std::span<std::uint8_t> out, std::size_t payload_at, std::size_t payload_size) const {
  if (framing_ == framing::full) {
    const auto checked = out.subspan(payload_at - 2 * word, payload_size + 2 * word);
    store_u32(out.subspan(payload_at + payload_size), checksum(checked));
  }
}

void frame_writer::append_header(std::vector<std::uint8_t>& out, std::size_t size, bool quick_ack_wanted) {
  const std::uint32_t flag = quick_ack_wanted ? top_bit : 0;
  const auto length = static_cast<std::uint32_t>(size);
  switch (framing_) {
  case framing::abridged: {
    const std::uint32_t words = length / word;
    const auto first = static_cast<std::uint8_t>(flag >> 24);
    if (words < 0x7F) {
      out.push_back(static_cast<std::uint8_t>(first | words));
    } else {
      store_u32(grow(out, word), words << 8 | first | 0x7F);
    }
    break;
  }
  case framing::intermediate:
  case framing::padded_intermediate: store_u32(grow(out, word), length | flag); break;
  case framing::full:
    store_u32(grow(out, word), length + static_cast<std::uint32_t>(full_overhead));
    store_u32(grow(out, word), sequence_);
    ++sequence_;
    break;
  }
}

void frame_writer::append_error(std::vector<std::uint8_t>& out, std::int32_t code) {
  append_header(out, word, false);
  const std::size_t at = out.size();
  store_u32(grow(out, word), static_cast<std::uint32_t>(code));
  if (framing_ == framing::full) {
    grow(out, word);
    close(out, at, word);
  }
}

void frame_writer::append_quick_ack(std::vector<std::uint8_t>& out, std::uint32_t token) {
  token |= top_bit;
  switch (framing_) {
  case framing::abridged: store_u32(grow(out, word), swapped(token)); break;
  case framing::intermediate:
  case framing::padded_intermediate: store_u32(grow(out, word), token); break;
  case framing::full: break;
  }
}

} // namespace godwit::mtproto
