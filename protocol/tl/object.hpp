#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/ids.hpp"
#include "protocol/tl/reader.hpp"
#include "protocol/tl/writer.hpp"

namespace godwit::tl {

/// Base of everything generated from the schema: one constructor, or one function, of any layer.
struct object {
  object() = default;
  virtual ~object();
  object(const object&) = delete;
  object& operator=(const object&) = delete;

  /// Tells the constructor's name, whatever the layer: `kind_id` of the object's class.
  [[nodiscard]] virtual std::uint32_t kind() const = 0;
  /// Whether the layer has this name. Says nothing about the objects inside.
  [[nodiscard]] virtual bool known_at(layer_t layer) const = 0;
  /// Appends the variant of that layer, constructor number first. Fails the writer with
  /// unknown_constructor when there is none.
  virtual void store(writer& out, layer_t layer) const = 0;
};

/// Owns an object; null where an optional one is absent.
template <class T>
using box = std::unique_ptr<T>;

template <class T>
box<T> make() {
  return std::make_unique<T>();
}

/// `value` when it is a T (one constructor), else null.
template <class T>
const T* as(const object* value) {
  return value != nullptr && value->kind() == T::kind_id ? static_cast<const T*>(value) : nullptr;
}
template <class T>
T* as(object* value) {
  return value != nullptr && value->kind() == T::kind_id ? static_cast<T*>(value) : nullptr;
}
template <class T, class Base>
const T* as(const box<Base>& value) {
  return as<T>(static_cast<const object*>(value.get()));
}

namespace fn {

/// Base of the API's functions.
struct function : object {};

} // namespace fn

/// A mandatory object; missing_object when it is null.
void store_box(writer& out, const object* value, layer_t layer);

inline void store_element(writer& out, std::int32_t value, layer_t /*layer*/) { out.write_int(value); }
inline void store_element(writer& out, std::int64_t value, layer_t /*layer*/) { out.write_long(value); }
inline void store_element(writer& out, bool value, layer_t /*layer*/) { out.write_bool(value); }
inline void store_element(writer& out, double value, layer_t /*layer*/) { out.write_double(value); }
inline void store_element(writer& out, const std::string& value, layer_t /*layer*/) { out.write_bytes(value); }
template <class T>
void store_element(writer& out, const box<T>& value, layer_t layer) {
  store_box(out, value.get(), layer);
}

/// A boxed vector of any elements that a field may have.
template <class Element>
void store_vector(writer& out, const std::vector<Element>& elements, layer_t layer) {
  out.write_vector(elements.size());
  for (const Element& element : elements) {
    store_element(out, element, layer);
  }
}

/// A boxed vector of objects. Empty after an error.
template <class T>
std::vector<box<T>> fetch_vector(reader& in) {
  const std::size_t count = in.read_vector(4);
  std::vector<box<T>> elements;
  if (!in.charge(count * sizeof(box<T>))) {
    return elements;
  }
  elements.reserve(count);
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    elements.push_back(T::fetch(in));
  }
  if (!in.ok()) {
    elements.clear();
  }
  return elements;
}

/// A boxed vector of plain values.
std::vector<std::int32_t> fetch_int_vector(reader& in);
std::vector<std::int64_t> fetch_long_vector(reader& in);
std::vector<bool> fetch_bool_vector(reader& in);
std::vector<std::string> fetch_bytes_vector(reader& in);
std::vector<std::string> fetch_text_vector(reader& in);

} // namespace godwit::tl
