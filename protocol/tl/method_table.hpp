#pragma once

// For the generated table of functions and methods.cpp alone.

#include "protocol/tl/generated_support.hpp"
#include "protocol/tl/methods.hpp"

namespace godwit::tl {

using function_reader = std::unique_ptr<fn::function> (*)(reader&);

template <class T>
std::unique_ptr<fn::function> read_function(reader& in) {
  return T::fetch(in);
}

/// `infos` are sorted by constructor; `readers` stand in the same order.
struct method_table {
  std::span<const std::string_view> names;
  std::span<const method_info> infos;
  std::span<const function_reader> readers;
};

const method_table& methods();

} // namespace godwit::tl
