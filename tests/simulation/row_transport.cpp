#include "tests/simulation/row_transport.hpp"

#include <cstring>

#include "persistence/base/crc32c.hpp"

namespace godwit::simulation {

namespace {

void put(std::string& out, std::string_view bytes) {
  const auto size = static_cast<std::uint32_t>(bytes.size());
  char raw[sizeof size];
  std::memcpy(raw, &size, sizeof size);
  out.append(raw, sizeof raw).append(bytes);
}

std::string_view take(std::string_view& from) {
  std::uint32_t size = 0;
  std::memcpy(&size, from.data(), sizeof size);
  const std::string_view bytes = from.substr(sizeof size, size);
  from.remove_prefix(sizeof size + size);
  return bytes;
}

} // namespace

persistence::state_chunk pack_rows(const stored_rows& rows, std::string_view after, std::uint64_t number,
                                   std::size_t bytes_max) {
  persistence::state_chunk out;
  out.number = number;
  std::string bytes;
  auto at = after.empty() ? rows.begin() : rows.upper_bound(after);
  for (; at != rows.end() && (bytes.empty() || bytes.size() < bytes_max); ++at) {
    put(bytes, at->first);
    put(bytes, at->second.view());
    out.last_key = at->first;
  }
  out.last = at == rows.end();
  out.crc = persistence::crc32c(bytes);
  out.rows = persistence::slice::adopt(std::move(bytes));
  return out;
}

void unpack_rows(std::string_view bytes, stored_rows& out) {
  while (!bytes.empty()) {
    const std::string_view key = take(bytes);
    const std::string_view value = take(bytes);
    out.insert_or_assign(std::string(key), persistence::slice::copy_of(value));
  }
}

} // namespace godwit::simulation
