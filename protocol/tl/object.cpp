#include "protocol/tl/object.hpp"

#include "protocol/tl/generated_support.hpp"

namespace godwit::tl {
namespace {

template <class T, class Read>
std::vector<T> fetch_values(reader& in, std::size_t min_bytes, Read read) {
  const std::size_t count = in.read_vector(min_bytes);
  std::vector<T> values;
  if (!in.charge(count * sizeof(T))) {
    return values;
  }
  values.reserve(count);
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    values.emplace_back(read());
  }
  return values;
}

} // namespace

object::~object() = default;

void store_box(writer& out, const object* value, layer_t layer) {
  if (value == nullptr) {
    out.fail(tl_errc::missing_object);
    return;
  }
  value->store(out, layer);
}

std::vector<std::int32_t> fetch_int_vector(reader& in) {
  return fetch_values<std::int32_t>(in, 4, [&] { return in.read_int(); });
}

std::vector<std::int64_t> fetch_long_vector(reader& in) {
  return fetch_values<std::int64_t>(in, 8, [&] { return in.read_long(); });
}

std::vector<bool> fetch_bool_vector(reader& in) {
  return fetch_values<bool>(in, 4, [&] { return in.read_bool(); });
}

std::vector<std::string> fetch_bytes_vector(reader& in) {
  return fetch_values<std::string>(in, 4, [&] { return in.read_bytes(); });
}

std::vector<std::string> fetch_text_vector(reader& in) {
  return fetch_values<std::string>(in, 4, [&] { return in.read_text(); });
}

box<object> fetch_listed(reader& in, std::span<const constructor_entry> entries) {
  const std::uint32_t id = in.peek_id();
  const auto found =
    std::lower_bound(entries.begin(), entries.end(), id,
                     [](const constructor_entry& entry, std::uint32_t wanted) { return entry.id < wanted; });
  if (found == entries.end() || found->id != id) {
    in.fail(in.remaining() < sizeof(id) ? tl_errc::truncated : tl_errc::unknown_constructor);
    return nullptr;
  }
  return found->fetch(in);
}

std::string_view read_query(reader& in) {
  const auto bytes = in.read_raw(in.remaining());
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void skip_empty_vector(reader& in) {
  if (in.read_vector(4) != 0) {
    in.fail(tl_errc::unknown_constructor);
  }
}

} // namespace godwit::tl
