#include "protocol/mtproto/message/gzip.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

#include <zlib.h>

#include "protocol/mtproto/message/constructors.hpp"
#include "protocol/tl/reader.hpp"
#include "protocol/tl/writer.hpp"

namespace godwit::mtproto {
namespace {

/// Added to the window bits of inflate: gzip or zlib, whichever it is; of deflate: gzip.
constexpr int either_header = 32;
constexpr int gzip_header = 16;
constexpr int window_bits_max = 15;

class inflater {
public:
  inflater() { ready_ = inflateInit2(&stream_, window_bits_max + either_header) == Z_OK; }
  inflater(const inflater&) = delete;
  inflater& operator=(const inflater&) = delete;
  ~inflater() {
    if (ready_) {
      inflateEnd(&stream_);
    }
  }

  expected<buffer_slice, unpack_errc> run(std::span<const std::uint8_t> packed, std::size_t bytes_max) {
    if (!ready_ || packed.size() > std::numeric_limits<uInt>::max()) {
      return unexpected(unpack_errc::corrupt);
    }
    stream_.next_in = const_cast<Bytef*>(packed.data()); // the library does not write there
    stream_.avail_in = static_cast<uInt>(packed.size());
    // One byte more than allowed is enough to see that there is more.
    const std::size_t most = bytes_max + 1;
    std::vector<std::uint8_t> content(std::min(most, std::max<std::size_t>(packed.size() * 4, 256)));
    for (std::size_t filled = 0;;) {
      stream_.next_out = content.data() + filled;
      stream_.avail_out = static_cast<uInt>(content.size() - filled);
      const int result = inflate(&stream_, Z_NO_FLUSH);
      filled = content.size() - stream_.avail_out;
      if (filled > bytes_max) {
        return unexpected(unpack_errc::too_large);
      }
      if (result == Z_STREAM_END && stream_.avail_in == 0) {
        return buffer_slice::copy_of({content.data(), filled});
      }
      // Without progress the stream is cut off.
      if (result != Z_OK || filled < content.size()) {
        return unexpected(unpack_errc::corrupt);
      }
      content.resize(std::min(most, content.size() * 2));
    }
  }

private:
  z_stream stream_{};
  bool ready_ = false;
};

/// Small content needs no large window, whose memory costs more to get than the packing.
int window_bits_for(std::size_t size) {
  int bits = 9;
  while (bits < window_bits_max && (std::size_t{1} << bits) < size) {
    ++bits;
  }
  return bits;
}

} // namespace

expected<buffer_slice, unpack_errc> unpack(std::span<const std::uint8_t> packed, std::size_t bytes_max) {
  return inflater().run(packed, bytes_max);
}

expected<buffer_slice, unpack_errc> unpack_object(std::span<const std::uint8_t> object, std::size_t bytes_max) {
  tl::reader in(object);
  const bool is_packed = in.read_id() == constructor::gzip_packed;
  const std::string_view packed = in.read_bytes();
  if (!is_packed || !in.finish()) {
    return unexpected(unpack_errc::corrupt);
  }
  return unpack({reinterpret_cast<const std::uint8_t*>(packed.data()), packed.size()}, bytes_max);
}

expected<buffer_slice, unpack_errc> unpack_within(const buffer_slice& object, std::size_t& budget) {
  auto content = unpack_object(object.bytes(), budget);
  if (content) {
    budget -= content->size();
  } else {
    budget = content.error() == unpack_errc::too_large ? 0 : budget / 2;
  }
  return content;
}

std::optional<std::string> pack_object(std::span<const std::uint8_t> content) {
  constexpr int level = 4;
  constexpr int memory_level_less_than_window = 7;
  const std::size_t room = content.size() - content.size() / 8;
  const int bits = window_bits_for(content.size());
  z_stream stream{};
  if (content.size() > std::numeric_limits<uInt>::max() ||
      deflateInit2(&stream, level, Z_DEFLATED, bits + gzip_header, std::max(bits - memory_level_less_than_window, 2),
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    return std::nullopt;
  }
  std::string packed(room, '\0');
  stream.next_in = const_cast<Bytef*>(content.data());
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const bool done = deflate(&stream, Z_FINISH) == Z_STREAM_END;
  packed.resize(packed.size() - stream.avail_out);
  deflateEnd(&stream);
  if (!done) {
    return std::nullopt;
  }
  std::string object;
  object.reserve(packed.size() + 12);
  tl::writer out(object);
  out.write_id(constructor::gzip_packed);
  out.write_bytes(packed);
  return object;
}

} // namespace godwit::mtproto
