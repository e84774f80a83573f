#pragma once

#include <cstdint>

#include "actors/box/box_core.hpp"

namespace godwit::tl::fn {
struct function;
}

namespace godwit::box {

/// Some of the calls about a box. It answers each call that it takes, now or later, under the ticket.
class box_part {
public:
  explicit box_part(box_core& core) : core_(core) {}
  virtual ~box_part() = default;
  box_part(const box_part&) = delete;
  box_part& operator=(const box_part&) = delete;

  /// False: it is another part's.
  virtual bool call(const call_context& from, const tl::fn::function& what, entity_effects& out) = 0;

protected:
  box_core& core_;
};

} // namespace godwit::box
