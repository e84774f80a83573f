#pragma once

#include <tl/expected.hpp>

namespace godwit {

/// A value or an error, with the names of C++23's std::expected, which replaces it one day.
template <class T, class E>
using expected = ::tl::expected<T, E>;

using ::tl::unexpected;

} // namespace godwit
