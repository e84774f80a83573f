#pragma once

#include <cstddef>

namespace godwit::tl {

/// Bytes that `new` has given out in this program and not got back, and the most it ever was since
/// reset_allocation_peak().
std::size_t allocated_now();
std::size_t allocation_peak();
void reset_allocation_peak();

} // namespace godwit::tl
