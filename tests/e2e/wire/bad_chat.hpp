#pragma once

#include <memory>
#include <vector>

#include "tests/e2e/wire/bad_input.hpp"
#include "tests/e2e/wire/chat_person.hpp"

namespace godwit::test {

/// People who write to each other on the node that is maltreated.
class bad_chat : public bad_input {
protected:
  /// Somebody new, at a number of their own.
  static std::unique_ptr<person> newcomer(layer_t layer = 198);
  /// Two new ones who know each other.
  struct couple {
    std::unique_ptr<person> ada;
    std::unique_ptr<person> bob;
  };
  static couple acquainted(layer_t layer = 198);
  /// Another device of somebody.
  static std::unique_ptr<person> another_device(const person& of);
};

} // namespace godwit::test
