#pragma once

#include <cstdint>
#include <string>

#include "actors/entity/entity_logic.hpp"

namespace godwit::account {

using entity::code_kind;

/// Delivers login codes to a provider outside. The code is committed before it is sent; a delivery that
/// fails is the sender's to repeat and to log, without number and code.
class code_sender {
public:
  virtual ~code_sender() = default;
  /// From any loop; must not block. Bounded inside: what does not fit is dropped and counted.
  virtual void send(std::uint64_t number, const std::string& code, code_kind kind) = 0;
};

} // namespace godwit::account
