#pragma once

#include <compare>
#include <cstddef>
#include <functional>

namespace godwit {

/// An integer with a type of its own, so that one kind of id cannot stand in another's place.
///
///   using user_id = strong_id<struct user_id_tag, std::int64_t>;
template <class Tag, class Rep>
class strong_id {
public:
  using rep = Rep;

  constexpr strong_id() = default;
  constexpr explicit strong_id(Rep value) : value_(value) {}

  [[nodiscard]] constexpr Rep value() const { return value_; }

  friend constexpr auto operator<=>(const strong_id&, const strong_id&) = default;

private:
  Rep value_{};
};

} // namespace godwit

template <class Tag, class Rep>
struct std::hash<godwit::strong_id<Tag, Rep>> {
  std::size_t operator()(const godwit::strong_id<Tag, Rep>& id) const noexcept {
    return std::hash<Rep>{}(id.value());
  }
};
