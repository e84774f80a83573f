#include "protocol/tl/writer.hpp"

#include <bit>

namespace godwit::tl {
namespace {

constexpr std::uint32_t vector_id = 0x1cb5c415;
constexpr std::uint32_t bool_true_id = 0x997275b5;
constexpr std::uint32_t bool_false_id = 0xbc799737;

template <class T>
void patch(std::string& out, std::size_t position, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    out[position + i] = static_cast<char>(static_cast<unsigned char>(value >> (8 * i)));
  }
}

} // namespace

void writer::fail(tl_errc error) {
  if (ok()) {
    error_ = error;
  }
}

void writer::write_double(double value) { write_little(std::bit_cast<std::uint64_t>(value)); }

void writer::write_raw(std::span<const std::uint8_t> value) {
  out_.append(reinterpret_cast<const char*>(value.data()), value.size());
}

void writer::write_int128(const int128& value) { write_raw(std::span<const std::uint8_t>(value)); }

void writer::write_int256(const int256& value) { write_raw(std::span<const std::uint8_t>(value)); }

void writer::write_bytes(std::string_view value) {
  if (value.size() >= std::size_t{1} << 24) {
    fail(tl_errc::too_large);
    return;
  }
  std::size_t head = 1;
  if (value.size() < 254) {
    out_.push_back(static_cast<char>(static_cast<unsigned char>(value.size())));
  } else {
    head = 4;
    write_little(static_cast<std::uint32_t>(254 | value.size() << 8));
  }
  out_.append(value);
  out_.append((4 - (head + value.size()) % 4) % 4, '\0');
}

void writer::write_bool(bool value) { write_id(value ? bool_true_id : bool_false_id); }

void writer::write_vector(std::size_t count) {
  write_id(vector_id);
  write_id(static_cast<std::uint32_t>(count));
}

std::size_t writer::reserve(std::size_t size) {
  const std::size_t position = out_.size();
  out_.append(size, '\0');
  return position;
}

void writer::patch_int(std::size_t position, std::int32_t value) {
  patch(out_, position, static_cast<std::uint32_t>(value));
}

void writer::patch_long(std::size_t position, std::int64_t value) {
  patch(out_, position, static_cast<std::uint64_t>(value));
}

} // namespace godwit::tl
