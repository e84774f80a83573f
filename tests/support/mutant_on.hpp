#pragma once

#include "persistence/base/mutant.hpp"

namespace godwit::tests {

/// Switches one rule off while it lives. Needs the _mutable variant of the libraries.
class mutant_on {
public:
  explicit mutant_on(persistence::mutant which) : which_(static_cast<std::size_t>(which)) {
    persistence::mutants_on.set(which_);
  }
  ~mutant_on() { persistence::mutants_on.reset(which_); }
  mutant_on(const mutant_on&) = delete;
  mutant_on& operator=(const mutant_on&) = delete;

private:
  std::size_t which_;
};

} // namespace godwit::tests
