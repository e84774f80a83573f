#pragma once

#include <dlfcn.h>

/// The next definition of a function after this library: the C library's, or a sanitizer's before it.
/// Looked up once; two threads may both do it and find the same.
#define GODWIT_REAL(function)                                                                                          \
  ([] {                                                                                                                \
    static decltype(&::function) cached = nullptr;                                                                     \
    auto* real_function = __atomic_load_n(&cached, __ATOMIC_RELAXED);                                                  \
    if (real_function == nullptr) {                                                                                    \
      real_function = reinterpret_cast<decltype(&::function)>(::dlsym(RTLD_NEXT, #function));                          \
      __atomic_store_n(&cached, real_function, __ATOMIC_RELAXED);                                                      \
    }                                                                                                                  \
    return real_function;                                                                                              \
  }())
