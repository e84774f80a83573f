#pragma once

// For generated sources alone.

#include <algorithm>
#include <optional>
#include <span>

#include "protocol/tl/object.hpp"

namespace godwit::tl {

/// A T whose constructor number was read already.
template <class T>
box<T> fetch_body(reader& in, std::uint32_t constructor) {
  if (!in.enter(sizeof(T))) {
    return nullptr;
  }
  auto made = make<T>();
  made->read_body(in, constructor);
  in.leave();
  if (!in.ok()) {
    return nullptr;
  }
  return made;
}

struct constructor_entry {
  std::uint32_t id;
  box<object> (*fetch)(reader&);
};

template <class T>
box<object> fetch_any(reader& in) {
  return T::fetch(in);
}

/// Any of `entries`, which are sorted.
box<object> fetch_listed(reader& in, std::span<const constructor_entry> entries);

/// A bare vector of bare objects: neither it nor they have a constructor number.
template <class T>
std::vector<box<T>> fetch_bare_vector(reader& in) {
  const std::size_t count = in.read_count(4);
  std::vector<box<T>> elements;
  if (!in.charge(count * sizeof(box<T>))) {
    return elements;
  }
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    elements.push_back(fetch_body<T>(in, T::kind_id));
  }
  return elements;
}

/// For the same; an object is written without its number.
template <class T>
void store_bare_vector(writer& out, const std::vector<box<T>>& elements) {
  out.write_int(static_cast<std::int32_t>(elements.size()));
  for (const box<T>& element : elements) {
    const std::size_t position = out.position();
    store_box(out, element.get(), 0);
    out.buffer().erase(position, 4);
  }
}

/// The rest of the input.
std::string_view read_query(reader& in);

/// A vector of a type that the schema declares absent can only be empty.
void skip_empty_vector(reader& in);

/// What an absent value is stored as where it is mandatory.
template <class T>
const T& or_default(const std::optional<T>& value) {
  static const T nothing{};
  return value ? *value : nothing;
}

} // namespace godwit::tl
