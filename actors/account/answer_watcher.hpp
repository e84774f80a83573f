#pragma once

#include "actors/account/entity_logic.hpp"

namespace godwit::account {

/// A logic that sees its answers, however long each took to come.
class answer_watcher {
public:
  virtual ~answer_watcher() = default;

  /// Comes with all effects of the logic and of its continuations, before any of them is carried out; may add answers
  /// to other tickets.
  virtual void watch_answers(entity_effects& out) = 0;
};

} // namespace godwit::account
