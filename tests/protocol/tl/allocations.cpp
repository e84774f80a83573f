#include "tests/protocol/tl/allocations.hpp"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::size_t> now{0};
std::atomic<std::size_t> peak{0};

void* counted(std::size_t size) {
  void* made = std::malloc(size);
  if (made == nullptr) {
    throw std::bad_alloc();
  }
  const std::size_t total = now += malloc_usable_size(made);
  if (total > peak) {
    peak = total;
  }
  return made;
}

void uncounted(void* given) noexcept {
  if (given != nullptr) {
    now -= malloc_usable_size(given);
    std::free(given);
  }
}

} // namespace

void* operator new(std::size_t size) { return counted(size); }
void* operator new[](std::size_t size) { return counted(size); }
// std::stable_sort asks this way.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  void* made = std::malloc(size);
  now += malloc_usable_size(made);
  return made;
}
void operator delete(void* given, const std::nothrow_t&) noexcept { uncounted(given); }
void operator delete(void* given) noexcept { uncounted(given); }
void operator delete[](void* given) noexcept { uncounted(given); }
void operator delete(void* given, std::size_t) noexcept { uncounted(given); }
void operator delete[](void* given, std::size_t) noexcept { uncounted(given); }

namespace godwit::tl {

std::size_t allocated_now() { return now; }
std::size_t allocation_peak() { return peak; }
void reset_allocation_peak() { peak = now.load(); }

} // namespace godwit::tl
